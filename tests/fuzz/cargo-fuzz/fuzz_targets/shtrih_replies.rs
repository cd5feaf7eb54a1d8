#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| galley_fuzz::shtrih_replies(data));
