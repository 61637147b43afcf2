use crate::simd::{Floats, LANES};

/// A matrix whose rows start at the border of a cache line and are padded with zeros to whole vectors: a load that
/// straddles two lines takes twice as long.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    width: usize,
    vectors: Vec<Vector>,
}

/// A cache line of values.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub(super) struct Vector(pub Floats);

impl Rows {
    /// `count` rows of `width` zeros.
    pub fn zeros(count: usize, width: usize) -> Self {
        Self { width, vectors: vec![Vector::default(); count * width.div_ceil(LANES)] }
    }

    /// The rows of `values`, row-major, `width` values each.
    ///
    /// # Panics
    /// If these are not whole rows.
    pub fn new(values: &[f32], width: usize) -> Self {
        assert!(width > 0 && values.len().is_multiple_of(width), "whole rows of {width} values");
        let mut rows = Self::zeros(values.len() / width, width);
        for (index, values) in values.chunks_exact(width).enumerate() {
            rows.row_mut(index).copy_from_slice(values);
        }
        rows
    }

    /// The values of a row.
    #[inline(always)]
    pub fn width(&self) -> usize {
        self.width
    }

    /// The number of rows.
    #[inline(always)]
    pub fn count(&self) -> usize {
        self.vectors.len().checked_div(self.stride()).unwrap_or(0)
    }

    /// Drops rows at the end, or adds rows of zeros.
    pub fn resize(&mut self, count: usize) {
        self.vectors.resize(count * self.stride(), Vector::default());
    }

    /// The values of one row.
    ///
    /// # Panics
    /// If there is no such row.
    #[inline(always)]
    pub fn row(&self, index: usize) -> &[f32] {
        let row = self.vectors(index);
        // SAFETY: a vector is sixteen `f32` and nothing else, and `width` is at most sixteen for each vector of a row.
        unsafe { std::slice::from_raw_parts(row.as_ptr().cast(), self.width) }
    }

    /// The values of one row.
    ///
    /// # Panics
    /// If there is no such row.
    #[inline(always)]
    pub fn row_mut(&mut self, index: usize) -> &mut [f32] {
        let stride = self.stride();
        let row = &mut self.vectors[index * stride..][..stride];
        // SAFETY: as in `row`; the slice borrows `self` for as long as it lives.
        unsafe { std::slice::from_raw_parts_mut(row.as_mut_ptr().cast(), self.width) }
    }

    /// Vectors of a row.
    #[inline(always)]
    pub(super) fn stride(&self) -> usize {
        self.width.div_ceil(LANES)
    }

    /// One row, padding and all.
    #[inline(always)]
    pub(super) fn vectors(&self, index: usize) -> &[Vector] {
        &self.vectors[index * self.stride()..][..self.stride()]
    }

    /// `T` vectors of one row from its vector `first` on.
    #[inline(always)]
    pub(super) fn tile<const T: usize>(&self, index: usize, first: usize) -> &[Vector; T] {
        self.vectors(index)[first..].first_chunk().expect("a tile lies within its row")
    }

    /// `T` vectors of one row from its vector `first` on.
    #[inline(always)]
    pub(super) fn tile_mut<const T: usize>(&mut self, index: usize, first: usize) -> &mut [Vector; T] {
        let at = index * self.stride() + first;
        self.vectors[at..].first_chunk_mut().expect("a tile lies within its row")
    }
}
