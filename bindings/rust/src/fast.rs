// SPDX-License-Identifier: MIT
//! The inline paths of malloc and free, as include/rimalloc/fast.h has them for C: that file says
//! why each step is right. Places and sizes of fields come from the C compiler (layout.c), and a
//! field that is read as another type than C's does not compile.
use crate::ffi;
use std::arch::asm;
use std::ffi::c_void;
use std::mem::size_of;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering::*};

/// What layout.c says: each constant is (offset, size) of a field, or (value, 0).
#[allow(dead_code)] // some are only compared at compile time
mod layout {
    include!(concat!(env!("OUT_DIR"), "/layout.rs"));
}

// Whoever changes what the paths do changes fast.h, this file and the version.
const _: () = assert!(layout::LAYOUT_VERSION.0 == 3, "fast.rs does what version 3 of fast.h does");
const DIRECT_MAX: usize = layout::DIRECT_MAX.0;
const SIZED_MAX: usize = layout::SIZED_MAX.0;

/// A pointer to a field of one of C's structures.
macro_rules! field {
    ($of:expr, $name:ident: $type:ty) => {{
        const _: () = assert!(size_of::<$type>() == layout::$name.1, "not the type that C has");
        $of.cast::<u8>().add(layout::$name.0).cast::<$type>()
    }};
}

/// A field of this thread's rix_tls; at which place, the instruction has to be told in digits.
macro_rules! tls {
    ($name:ident at $place:literal: $type:ty) => {{
        const _: () = assert!(size_of::<$type>() == layout::$name.1, "not the type that C has");
        const _: () = assert!($place == layout::$name.0, "not the place where C has it");
        let value: $type;
        asm!(
            "mov {0}, qword ptr [rip + rix_tls@GOTTPOFF]",
            concat!("mov {0}, qword ptr fs:[{0} + ", $place, "]"),
            out(reg) value,
            options(pure, readonly, nostack, preserves_flags)
        );
        value
    }};
}

type Block = u8;

/// ri_page_t, ri_fast_theap_t and ri_pagemap_t, of which layout.rs knows what is needed.
#[repr(C)]
struct Page {
    _private: [u8; 0],
}

#[repr(C)]
struct Theap {
    _private: [u8; 0],
}

#[repr(C)]
struct Pagemap {
    _private: [u8; 0],
}

// The slow paths of fast.h.
extern "C" {
    static rix_fast_pagemap: Pagemap;
    fn rix_malloc_generic(size: usize, theap: *mut Theap) -> *mut c_void;
    fn rix_free_generic(p: *mut c_void);
    fn rix_free_sized_generic(p: *mut c_void, size: usize);
    fn rix_page_emptied(page: *mut Page);
}

#[cold]
#[inline]
fn unlikely() {}

/// Takes the first block of the page's list; null when there is none.
#[inline(always)]
unsafe fn pop(page: *mut Page) -> *mut Block {
    // SAFETY: the page of a direct slot is this thread's, or one without free blocks.
    unsafe {
        let free = field!(page, PAGE_FREE: *mut Block);
        let block = *free;
        if block.is_null() {
            return block;
        }
        *free = *field!(block, BLOCK_NEXT: *mut Block);
        let used = &*field!(page, PAGE_USED: AtomicU32);
        used.store(used.load(Relaxed).wrapping_add(1), Relaxed);
        block
    }
}

/// Puts a block on the list of its page. Not done: it is no block of the page, or was just freed.
#[inline(always)]
unsafe fn push(page: *mut Page, block: *mut Block) -> bool {
    // SAFETY: the page is this thread's and ordinary.
    unsafe {
        let free = field!(page, PAGE_FREE: *mut Block);
        let head = *free;
        if head == block || !is_block(page, block) {
            return false;
        }
        *field!(block, BLOCK_NEXT: *mut Block) = head;
        *free = block;
        let used = &*field!(page, PAGE_USED: AtomicU32);
        let less = used.load(Relaxed).wrapping_sub(1);
        used.store(less, Relaxed);
        if less == 0 {
            unlikely();
            rix_page_emptied(page);
        }
        true
    }
}

/// Whether p, which lies in slices of the page, is the start of a block that was ever in a list.
#[inline(always)]
unsafe fn is_block(page: *mut Page, p: *mut Block) -> bool {
    // SAFETY: the page is this thread's.
    unsafe {
        let offset = (p as usize).wrapping_sub(*field!(page, PAGE_START: usize));
        let inverse = *field!(page, PAGE_INVERSE: u64);
        let product = offset as u128 * inverse as u128;
        let capacity = u64::from(*field!(page, PAGE_CAPACITY: u16));
        (product as u64) < inverse && ((product >> 64) as u64) < capacity
    }
}

/// The page of p; null where the page map does not know it.
#[inline(always)]
unsafe fn page_of(p: *mut Block) -> *mut Page {
    // SAFETY: the map is never shorter than its count, which is read first.
    unsafe {
        let map = ptr::addr_of!(rix_fast_pagemap) as *mut u8;
        let count = (*field!(map, PAGEMAP_XCOUNT: AtomicUsize)).load(Acquire);
        // Plain, as ri_load_fixed: what a thread finds there stays good.
        let base = *field!(map, PAGEMAP_XBASE: usize);
        let index = (p as usize).wrapping_sub(base) >> layout::SLICE_SHIFT.0;
        if index >= count {
            return ptr::null_mut();
        }
        let table = *field!(map, PAGEMAP_XTABLE: *const AtomicPtr<Page>);
        const _: () = assert!(size_of::<AtomicPtr<Page>>() == layout::ENTRY.1);
        (*table.add(index)).load(Relaxed)
    }
}

/// ri_malloc.
#[inline(always)]
pub unsafe fn malloc(size: usize) -> *mut u8 {
    // SAFETY: a thread's theap always has a page in each direct slot.
    unsafe {
        let theap = tls!(TLS_THEAP at 0: *mut Theap);
        if size <= DIRECT_MAX {
            let page = *field!(theap, THEAP_DIRECT: *mut Page).add((size + 7) / 8);
            let block = pop(page);
            if !block.is_null() {
                return block;
            }
        }
        unlikely();
        rix_malloc_generic(size, theap).cast()
    }
}

/// ri_zalloc.
#[inline(always)]
pub unsafe fn zalloc(size: usize) -> *mut u8 {
    // SAFETY: the block has `size` bytes.
    unsafe {
        if size > DIRECT_MAX {
            return ffi::ri_zalloc(size).cast();
        }
        let p = malloc(size);
        if !p.is_null() {
            p.write_bytes(0, size);
        }
        p
    }
}

/// ri_free_sized.
#[inline(always)]
pub unsafe fn free(p: *mut u8, size: usize) {
    // SAFETY: the caller hands over a block, whose page nobody releases before.
    unsafe {
        let page = if size <= SIZED_MAX { page_of(p) } else { ptr::null_mut() };
        if page.is_null()
            || size > (*field!(page, PAGE_XBLOCK_SIZE: AtomicUsize)).load(Relaxed)
            || (*field!(page, PAGE_XOWNER: AtomicUsize)).load(Relaxed) != tls!(TLS_SELF at 8: usize)
        {
            unlikely();
            rix_free_sized_generic(p.cast(), size);
            return;
        }
        if !push(page, p) {
            unlikely();
            rix_free_generic(p.cast());
        }
    }
}
