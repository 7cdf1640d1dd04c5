//! Checks of the library from outside: against numbers that other programs gave, and on data that others recorded.

mod dtw_vectors;
