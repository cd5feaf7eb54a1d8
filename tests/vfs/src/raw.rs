//! What SQLite calls: C functions that find the Rust side of a file or of the layer, and ask it. All `unsafe` of
//! the workspace is in this file.
//!
//! Every process of a disk has a layer of its own under a name of its own. What SQLite was given for it is never
//! freed (a few hundred bytes): a connection of a killed process may still hold it.

#![allow(unsafe_code)]

use crate::{
    Shared,
    handle::{Handle, Layer},
};
use rusqlite::ffi;
use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    ptr, slice,
    sync::Arc,
};

/// Longest name of a file, in bytes.
const LONGEST_NAME: c_int = 1024;
/// What a disk promises as a unit to SQLite, as its own layer for Unix says.
const SECTOR_SIZE: c_int = 4096;
/// 1970-01-01 in milliseconds of the Julian day. [source: sqlite3.c, unixEpoch]
const UNIX_EPOCH: i64 = 24_405_875 * 8_640_000;

/// SQLite's part of an open file; SQLite gives the memory.
#[repr(C)]
struct RawFile {
    base: ffi::sqlite3_file,
    handle: *mut Handle,
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    // With shared memory, without memory-mapped reads.
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// A registered layer. Taken off SQLite's list when dropped.
pub(crate) struct Registration {
    vfs: *mut ffi::sqlite3_vfs,
}

// SAFETY: the pointer is used for (un)registering only, which SQLite guards with a mutex of its own.
unsafe impl Send for Registration {}

impl Registration {
    pub(crate) fn new(name: &str, shared: Arc<Shared>, process: u64) -> Self {
        let name = CString::new(name.replace('\0', "")).unwrap_or_default();
        let layer = Box::new(Layer { shared, process });
        let vfs = Box::into_raw(Box::new(ffi::sqlite3_vfs {
            iVersion: 2,
            szOsFile: size_of::<RawFile>() as c_int,
            mxPathname: LONGEST_NAME,
            pNext: ptr::null_mut(),
            zName: name.into_raw(),
            pAppData: Box::into_raw(layer).cast(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_pathname),
            xDlOpen: Some(dl_open),
            xDlError: None,
            xDlSym: None,
            xDlClose: None,
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: Some(current_time),
            xGetLastError: Some(get_last_error),
            xCurrentTimeInt64: Some(current_time_int64),
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        }));
        // SAFETY: `vfs`, its name and its data are leaked above, so they outlive every use by SQLite.
        let code = unsafe { ffi::sqlite3_vfs_register(vfs, 0) };
        assert_eq!(code, ffi::SQLITE_OK, "SQLite takes a file layer");
        Self { vfs }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // SAFETY: registered in `new`, and never freed.
        unsafe { ffi::sqlite3_vfs_unregister(self.vfs) };
    }
}

/// Seeds the generator SQLite has for the whole program; zero gives it back to the system.
pub(crate) fn seed_program(seed: u32) {
    // SAFETY: this option takes an `unsigned int` and a connection or null. The call keeps neither.
    unsafe {
        ffi::sqlite3_test_control(
            ffi::SQLITE_TESTCTRL_PRNG_SEED,
            seed,
            ptr::null_mut::<ffi::sqlite3>(),
        )
    };
}

/// # Safety
/// `vfs` is one that [`Registration::new`] made.
unsafe fn layer<'a>(vfs: *mut ffi::sqlite3_vfs) -> &'a Layer {
    // SAFETY: by the contract its data is a leaked `Layer`, which is only ever shared.
    unsafe { &*(*vfs).pAppData.cast::<Layer>() }
}

/// # Safety
/// `file` was opened by [`open`] and not closed. SQLite calls the methods of one file one at a time.
unsafe fn handle<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Handle {
    // SAFETY: by the contract `handle` is the box that `open` left there, and nobody else uses it now.
    unsafe { &mut *(*file.cast::<RawFile>()).handle }
}

/// # Safety
/// `name` is null or a C string that lives as long as the call.
unsafe fn text(name: *const c_char) -> Option<String> {
    if name.is_null() {
        return None;
    }
    // SAFETY: by the contract.
    let name = unsafe { CStr::from_ptr(name) };
    Some(name.to_string_lossy().into_owned())
}

fn size(n: impl TryInto<usize>) -> usize {
    n.try_into().unwrap_or(0)
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes our layer and a C string or null.
    let (layer, name) = unsafe { (layer(vfs), text(name)) };
    let file = file.cast::<RawFile>();
    // SAFETY: SQLite gives `szOsFile` bytes. No methods: on an error SQLite does not close the file.
    unsafe { (*file).base.pMethods = ptr::null() };
    match layer.open(name, flags) {
        Ok((handle, flags)) => {
            // SAFETY: as above; `out_flags` is null or valid.
            unsafe {
                (*file).handle = Box::into_raw(Box::new(handle));
                (*file).base.pMethods = &raw const METHODS;
                if !out_flags.is_null() {
                    *out_flags = flags;
                }
            }
            ffi::SQLITE_OK
        }
        Err(code) => code,
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let file = file.cast::<RawFile>();
    // SAFETY: opened by `open`, which left a box; SQLite closes once.
    drop(unsafe { Box::from_raw((*file).handle) });
    // SAFETY: SQLite's memory, still its own.
    unsafe { (*file).base.pMethods = ptr::null() };
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    to: *mut c_void,
    len: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: an open file, and `len` bytes that SQLite owns and lends for the call.
    let (handle, to) = unsafe {
        (
            handle(file),
            slice::from_raw_parts_mut(to.cast::<u8>(), size(len)),
        )
    };
    handle.read(to, size(offset))
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    data: *const c_void,
    len: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: an open file, and `len` bytes that SQLite lends for the call.
    let (handle, data) = unsafe {
        (
            handle(file),
            slice::from_raw_parts(data.cast::<u8>(), size(len)),
        )
    };
    handle.write(data, size(offset))
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, len: ffi::sqlite3_int64) -> c_int {
    // SAFETY: an open file.
    unsafe { handle(file) }.truncate(size(len))
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: an open file.
    unsafe { handle(file) }.sync()
}

unsafe extern "C" fn file_size(
    file: *mut ffi::sqlite3_file,
    out: *mut ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: an open file.
    match unsafe { handle(file) }.len() {
        Ok(len) => {
            // SAFETY: SQLite passes a place for the answer.
            unsafe { *out = i64::try_from(len).unwrap_or(i64::MAX) };
            ffi::SQLITE_OK
        }
        Err(code) => code,
    }
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: an open file.
    unsafe { handle(file) }.lock(level)
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: an open file.
    unsafe { handle(file) }.unlock(level)
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: an open file.
    match unsafe { handle(file) }.reserved() {
        Ok(reserved) => {
            // SAFETY: SQLite passes a place for the answer.
            unsafe { *out = c_int::from(reserved) };
            ffi::SQLITE_OK
        }
        Err(code) => code,
    }
}

unsafe extern "C" fn file_control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    SECTOR_SIZE
}

unsafe extern "C" fn device_characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    len: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: an open file.
    let mapped = unsafe { handle(file) }.shm_map(size(region), size(len), extend != 0);
    let (at, code) = match mapped {
        Ok(at) => (at.unwrap_or(ptr::null_mut()), ffi::SQLITE_OK),
        Err(code) => (ptr::null_mut(), code),
    };
    // SAFETY: SQLite passes a place for the answer. The region is atomics in an `Arc` that the handle keeps until
    // `shm_unmap` or `close`.
    unsafe { *out = at.cast() };
    code
}

unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    first: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: an open file.
    unsafe { handle(file) }.shm_lock(size(first), size(count), flags)
}

unsafe extern "C" fn shm_barrier(_: *mut ffi::sqlite3_file) {
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, _delete: c_int) -> c_int {
    // SAFETY: an open file.
    unsafe { handle(file) }.shm_unmap();
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    sync_dir: c_int,
) -> c_int {
    // SAFETY: SQLite passes our layer and a C string.
    let (layer, name) = unsafe { (layer(vfs), text(name)) };
    layer.delete(&name.unwrap_or_default(), sync_dir & 1 != 0)
}

unsafe extern "C" fn access(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes our layer and a C string.
    let (layer, name) = unsafe { (layer(vfs), text(name)) };
    match layer.access(&name.unwrap_or_default(), flags) {
        Ok(yes) => {
            // SAFETY: SQLite passes a place for the answer.
            unsafe { *out = c_int::from(yes) };
            ffi::SQLITE_OK
        }
        Err(code) => code,
    }
}

unsafe extern "C" fn full_pathname(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    len: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: a C string.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes_with_nul();
    if name.len() > size(len) {
        return ffi::SQLITE_CANTOPEN;
    }
    // SAFETY: `out` has `len` bytes, and the name fits.
    unsafe { ptr::copy_nonoverlapping(name.as_ptr().cast(), out, name.len()) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn dl_open(_: *mut ffi::sqlite3_vfs, _: *const c_char) -> *mut c_void {
    ptr::null_mut()
}

unsafe extern "C" fn randomness(vfs: *mut ffi::sqlite3_vfs, len: c_int, out: *mut c_char) -> c_int {
    // SAFETY: SQLite passes our layer, and `len` bytes to fill.
    let (layer, out) = unsafe {
        (
            layer(vfs),
            slice::from_raw_parts_mut(out.cast::<u8>(), size(len)),
        )
    };
    layer.shared.state().rng.fill(out);
    len
}

unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    microseconds
}

unsafe extern "C" fn current_time(vfs: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    let mut now = 0;
    // SAFETY: SQLite passes our layer, and a place for the answer.
    unsafe {
        current_time_int64(vfs, &raw mut now);
        *out = now as f64 / 86_400_000.0;
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn current_time_int64(
    vfs: *mut ffi::sqlite3_vfs,
    out: *mut ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite passes our layer, and a place for the answer.
    unsafe { *out = layer(vfs).shared.state().now + UNIX_EPOCH };
    ffi::SQLITE_OK
}

unsafe extern "C" fn get_last_error(_: *mut ffi::sqlite3_vfs, _: c_int, _: *mut c_char) -> c_int {
    0
}
