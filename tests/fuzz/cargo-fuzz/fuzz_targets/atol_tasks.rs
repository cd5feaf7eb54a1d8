#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| galley_fuzz::atol_tasks(data));
