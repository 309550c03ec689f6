// SPDX-License-Identifier: MIT
//! fast.rs for CPUs whose thread-local storage Rust cannot reach: the functions are called.
use crate::ffi;

#[inline(always)]
pub unsafe fn malloc(size: usize) -> *mut u8 {
    // SAFETY: any size may be asked for.
    unsafe { ffi::ri_malloc(size).cast() }
}

#[inline(always)]
pub unsafe fn zalloc(size: usize) -> *mut u8 {
    // SAFETY: any size may be asked for.
    unsafe { ffi::ri_zalloc(size).cast() }
}

#[inline(always)]
pub unsafe fn free(p: *mut u8, size: usize) {
    // SAFETY: the caller hands over a block, and the size it asked for.
    unsafe { ffi::ri_free_sized(p.cast(), size) }
}
