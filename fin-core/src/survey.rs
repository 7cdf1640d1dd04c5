//! Offline: one recorded drive to positioned scans.
