//! The gateway against an emulated printer on a memory link, with paused time.
