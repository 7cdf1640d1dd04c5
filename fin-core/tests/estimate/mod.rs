//! Estimation against outside numbers, laws, statistics and real drives.

mod drives;
mod laws;
mod oracle;
mod statistics;
