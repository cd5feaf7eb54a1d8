//! moley
