//! Road network.
