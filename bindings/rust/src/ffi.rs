// SPDX-License-Identifier: MIT
//! The functions of rimalloc.h and heap.h that the crate uses.
use std::ffi::c_void;
use std::os::raw::c_int;

/// ri_heap_t, which only pointers are known of.
#[repr(C)]
pub struct RiHeap {
    _private: [u8; 0],
}

/// ri_summary_t.
#[repr(C)]
pub struct Summary {
    pub reserved: usize,
    pub committed: usize,
    pub in_use: usize,
    pub blocks: usize,
    pub pages: usize,
    pub abandoned: usize,
    pub threads: usize,
    pub arenas: usize,
    pub mappings: usize,
    pub cached: usize,
    pub metadata: usize,
    pub os_calls: usize,
    pub purged: usize,
    pub later: [usize; 32], // room for what later versions add
}

// ri_malloc and ri_free_sized are called where nothing is inline.
#[allow(dead_code)]
extern "C" {
    pub fn ri_malloc(size: usize) -> *mut c_void;
    pub fn ri_zalloc(size: usize) -> *mut c_void;
    pub fn ri_malloc_aligned(size: usize, alignment: usize) -> *mut c_void;
    pub fn ri_zalloc_aligned(size: usize, alignment: usize) -> *mut c_void;
    pub fn ri_realloc(p: *mut c_void, size: usize) -> *mut c_void;
    pub fn ri_realloc_aligned(p: *mut c_void, size: usize, alignment: usize) -> *mut c_void;
    pub fn ri_free(p: *mut c_void);
    pub fn ri_free_sized(p: *mut c_void, size: usize);
    pub fn ri_is_in_heap_region(p: *const c_void) -> bool;
    pub fn ri_summary(summary: *mut Summary);
    pub fn ri_collect(force: bool);
    pub fn ri_version() -> c_int;
    pub fn ri_heap_new() -> *mut RiHeap;
    pub fn ri_heap_destroy(heap: *mut RiHeap);
    pub fn ri_heap_collect(heap: *mut RiHeap, force: bool);
    pub fn ri_heap_contains(heap: *const RiHeap, p: *const c_void) -> bool;
    pub fn ri_heap_malloc_aligned(
        heap: *mut RiHeap,
        size: usize,
        alignment: usize,
    ) -> *mut c_void;
}
