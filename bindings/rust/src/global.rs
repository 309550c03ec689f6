// SPDX-License-Identifier: MIT
use crate::{fast, ffi};
use std::alloc::{GlobalAlloc, Layout};

/// The allocator of the program: `#[global_allocator] static GLOBAL: RiMalloc = RiMalloc;`
#[derive(Clone, Copy, Debug, Default)]
pub struct RiMalloc;

/// Whether every block of this size is aligned enough anyway: to 8, and to 16 over 8 bytes.
#[inline]
fn is_natural(size: usize, alignment: usize) -> bool {
    alignment <= 8 || (alignment == 16 && size > 8)
}

// SAFETY: blocks are as large and as aligned as asked, NULL means no memory, nothing unwinds.
unsafe impl GlobalAlloc for RiMalloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, alignment) = (layout.size(), layout.align());
        // SAFETY: any size and any power of two may be asked for.
        unsafe {
            if is_natural(size, alignment) {
                fast::malloc(size)
            } else {
                ffi::ri_malloc_aligned(size, alignment).cast()
            }
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (size, alignment) = (layout.size(), layout.align());
        // SAFETY: as above.
        unsafe {
            if is_natural(size, alignment) {
                fast::zalloc(size)
            } else {
                ffi::ri_zalloc_aligned(size, alignment).cast()
            }
        }
    }

    #[inline]
    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        // SAFETY: the caller hands over a block of this allocator, and the size it asked for.
        unsafe { fast::free(p, layout.size()) }
    }

    #[inline]
    unsafe fn realloc(&self, p: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as above; on failure the block is untouched.
        unsafe {
            if is_natural(new_size, layout.align()) {
                ffi::ri_realloc(p.cast(), new_size).cast()
            } else {
                ffi::ri_realloc_aligned(p.cast(), new_size, layout.align()).cast()
            }
        }
    }
}
