//! one_c
