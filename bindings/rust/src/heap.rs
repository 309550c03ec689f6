// SPDX-License-Identifier: MIT
use crate::ffi;
use std::alloc::Layout;
use std::fmt;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};

/// A set of blocks that ends as a whole. Any thread may allocate from it at any time; it is dropped
/// with all of its blocks at once, whatever their number. What is allocated from it borrows it, so
/// nothing outlives it:
///
/// ```compile_fail,E0597
/// let value = {
///     let heap = rimalloc::Heap::new().unwrap();
///     heap.boxed(1).unwrap()
/// };
/// drop(value);
/// ```
///
/// Values that are forgotten, or leaked by [`HeapBox::leak`], are not dropped; their memory is freed
/// with the heap.
pub struct Heap {
    heap: NonNull<ffi::RiHeap>,
}

// SAFETY: heaps may be used by all threads at once and be destroyed by any of them.
unsafe impl Send for Heap {}
// SAFETY: as above.
unsafe impl Sync for Heap {}

impl Heap {
    /// A new heap; `None` when there is no memory.
    pub fn new() -> Option<Heap> {
        // SAFETY: any thread may call it at any time.
        let heap = NonNull::new(unsafe { ffi::ri_heap_new() })?;
        Some(Heap { heap })
    }

    /// Memory of this heap, which is freed with it; `None` when there is none left.
    pub fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
        // SAFETY: the heap lives; a layout's alignment is a power of two.
        let p = unsafe {
            ffi::ri_heap_malloc_aligned(self.heap.as_ptr(), layout.size(), layout.align())
        };
        NonNull::new(p.cast())
    }

    /// The value in a box of this heap; given back when there is no memory.
    pub fn boxed<T>(&self, value: T) -> Result<HeapBox<'_, T>, T> {
        match self.allocate(Layout::new::<T>()) {
            None => Err(value),
            Some(p) => {
                let p = p.cast::<T>();
                // SAFETY: the memory is new, large enough and aligned.
                unsafe { p.as_ptr().write(value) };
                Ok(HeapBox::new(p))
            }
        }
    }

    /// A slice of `count` values, made in order by `make`; `None` when there is no memory.
    pub fn slice<T>(
        &self,
        count: usize,
        mut make: impl FnMut(usize) -> T,
    ) -> Option<HeapBox<'_, [T]>> {
        let memory = self.allocate(Layout::array::<T>(count).ok()?)?.cast::<T>();
        let mut made = Made { memory, count: 0 };
        for i in 0..count {
            // SAFETY: i is within the array. If `make` panics, those made so far are dropped.
            unsafe { memory.as_ptr().add(i).write(make(i)) };
            made.count = i + 1;
        }
        std::mem::forget(made);
        let all = ptr::slice_from_raw_parts_mut(memory.as_ptr(), count);
        // SAFETY: it points to memory that was allocated.
        Some(HeapBox::new(unsafe { NonNull::new_unchecked(all) }))
    }

    /// A copy of a string; `None` when there is no memory.
    pub fn string(&self, text: &str) -> Option<HeapBox<'_, str>> {
        let bytes = self.slice(text.len(), |i| text.as_bytes()[i])?;
        let all = HeapBox::into_raw(bytes).as_ptr() as *mut str;
        // SAFETY: the bytes are those of a str.
        Some(HeapBox::new(unsafe { NonNull::new_unchecked(all) }))
    }

    /// Whether the pointer, which may be any, points into memory of this heap.
    pub fn contains<T: ?Sized>(&self, p: *const T) -> bool {
        // SAFETY: the heap lives; any pointer may be asked about.
        unsafe { ffi::ri_heap_contains(self.heap.as_ptr(), p.cast()) }
    }

    /// Gives back what the calling thread keeps of the heap without using it.
    pub fn collect(&self, force: bool) {
        // SAFETY: the heap lives.
        unsafe { ffi::ri_heap_collect(self.heap.as_ptr(), force) }
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        // SAFETY: nothing borrows the heap any more, so no other thread uses it or its blocks.
        unsafe { ffi::ri_heap_destroy(self.heap.as_ptr()) }
    }
}

impl fmt::Debug for Heap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Heap").field(&self.heap).finish()
    }
}

/// The elements of a slice that exist while it is made.
struct Made<T> {
    memory: NonNull<T>,
    count: usize,
}

impl<T> Drop for Made<T> {
    fn drop(&mut self) {
        let made = ptr::slice_from_raw_parts_mut(self.memory.as_ptr(), self.count);
        // SAFETY: so many were written; the memory is the heap's.
        unsafe {
            ptr::drop_in_place(made);
            ffi::ri_free(self.memory.as_ptr().cast());
        }
    }
}

/// A value in memory of a [`Heap`], which it borrows. Dropping it drops the value and frees its
/// memory at once.
pub struct HeapBox<'heap, T: ?Sized> {
    value: NonNull<T>,
    heap: PhantomData<&'heap Heap>,
    owned: PhantomData<T>,
}

// SAFETY: a box is its value; blocks may be freed by any thread.
unsafe impl<T: ?Sized + Send> Send for HeapBox<'_, T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Sync> Sync for HeapBox<'_, T> {}

impl<'heap, T: ?Sized> HeapBox<'heap, T> {
    fn new(value: NonNull<T>) -> Self {
        HeapBox {
            value,
            heap: PhantomData,
            owned: PhantomData,
        }
    }

    fn into_raw(this: Self) -> NonNull<T> {
        let value = this.value;
        std::mem::forget(this);
        value
    }

    /// The value for as long as the heap lives. It is not dropped.
    pub fn leak(this: Self) -> &'heap mut T {
        // SAFETY: the value is valid until the heap ends, and nobody else refers to it.
        unsafe { &mut *HeapBox::into_raw(this).as_ptr() }
    }
}

impl<T> HeapBox<'_, T> {
    /// The value, out of the heap.
    pub fn into_inner(this: Self) -> T {
        let p = HeapBox::into_raw(this);
        // SAFETY: the value is moved out once; what is left is its memory.
        unsafe {
            let mut value = MaybeUninit::<T>::uninit();
            value.as_mut_ptr().copy_from_nonoverlapping(p.as_ptr(), 1);
            ffi::ri_free(p.as_ptr().cast());
            value.assume_init()
        }
    }
}

impl<T: ?Sized> Drop for HeapBox<'_, T> {
    fn drop(&mut self) {
        // SAFETY: the value is dropped once; its heap lives, as it is borrowed.
        unsafe {
            ptr::drop_in_place(self.value.as_ptr());
            ffi::ri_free(self.value.as_ptr().cast());
        }
    }
}

impl<T: ?Sized> Deref for HeapBox<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: the value is valid as long as the box.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized> DerefMut for HeapBox<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and the box is borrowed mutably.
        unsafe { self.value.as_mut() }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for HeapBox<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for HeapBox<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}
