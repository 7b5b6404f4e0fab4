// Row-major matrices: an owner of aligned memory and a view of somebody else's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "core/error.h"
#include "core/memory.h"

namespace amalgam::core {

/// rows x cols elements; element (i, j) lies at data[i * stride + j]. Owns nothing.
template <typename T>
struct MatrixView {
  T* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t stride = 0;  ///< elements from one row to the next, at least cols

  MatrixView() = default;
  MatrixView(T* first, std::int64_t row_count, std::int64_t col_count)
      : MatrixView(first, row_count, col_count, col_count) {}
  MatrixView(T* first, std::int64_t row_count, std::int64_t col_count, std::int64_t row_stride)
      : data(first), rows(row_count), cols(col_count), stride(row_stride) {}

  T* row(std::int64_t i) const { return data + i * stride; }
  T& operator()(std::int64_t i, std::int64_t j) const { return data[i * stride + j]; }
  std::int64_t size() const { return rows * cols; }

  /// `count` rows from `first` on, sharing the memory.
  MatrixView row_range(std::int64_t first, std::int64_t count) const { return {row(first), count, cols, stride}; }
  /// `count` columns from `first` on, sharing the memory.
  MatrixView col_range(std::int64_t first, std::int64_t count) const { return {data + first, rows, count, stride}; }

  operator MatrixView<const T>() const
    requires(!std::is_const_v<T>)
  {
    return {data, rows, cols, stride};
  }
};

/// Owns rows x cols numbers, 64-byte aligned, rows without gaps (stride == cols), zero at the start. Moves, and copies
/// only when asked to by name. Throws std::bad_alloc, which the job turns into "out-of-memory".
template <typename T>
class Matrix {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Matrix() = default;
  Matrix(std::int64_t rows, std::int64_t cols) : rows_(rows), cols_(cols), data_(allocate(rows, cols)) {}
  Matrix(Matrix&& other) noexcept
      : rows_(std::exchange(other.rows_, 0)), cols_(std::exchange(other.cols_, 0)), data_(std::move(other.data_)) {}
  Matrix& operator=(Matrix&& other) noexcept {
    rows_ = std::exchange(other.rows_, 0);
    cols_ = std::exchange(other.cols_, 0);
    data_ = std::move(other.data_);
    return *this;
  }

  /// rows x cols numbers of any value, in the memory of `old` when that is large enough: for loops that would otherwise
  /// return pages to the system and fetch them again.
  static Matrix reusing(Matrix old, std::int64_t rows, std::int64_t cols) {
    if (old.data_ == nullptr || old.data_.get_deleter().bytes < bytes_of(rows, cols)) return Matrix(rows, cols);
    old.rows_ = rows;
    old.cols_ = cols;
    return old;
  }

  Matrix copy() const {
    Matrix result(rows_, cols_);
    if (data_ != nullptr) std::memcpy(static_cast<void*>(result.data_.get()), data_.get(), bytes());
    return result;
  }

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  std::int64_t rows() const { return rows_; }
  std::int64_t cols() const { return cols_; }
  std::int64_t size() const { return rows_ * cols_; }
  std::size_t bytes() const { return static_cast<std::size_t>(size()) * sizeof(T); }

  T* row(std::int64_t i) { return data_.get() + i * cols_; }
  const T* row(std::int64_t i) const { return data_.get() + i * cols_; }
  T& operator()(std::int64_t i, std::int64_t j) { return data_[i * cols_ + j]; }
  const T& operator()(std::int64_t i, std::int64_t j) const { return data_[i * cols_ + j]; }

  MatrixView<T> view() { return {data_.get(), rows_, cols_}; }
  MatrixView<const T> view() const { return {data_.get(), rows_, cols_}; }
  operator MatrixView<T>() { return view(); }
  operator MatrixView<const T>() const { return view(); }

 private:
  struct Release {
    std::size_t bytes = 0;
    void operator()(T* data) const { release(data, bytes); }
  };
  using Memory = std::unique_ptr<T[], Release>;

  static std::size_t bytes_of(std::int64_t rows, std::int64_t cols) {
    if (rows < 0 || cols < 0) throw std::bad_array_new_length();
    if (rows == 0 || cols == 0) return 0;
    const auto limit = std::numeric_limits<std::int64_t>::max() / static_cast<std::int64_t>(sizeof(T));
    if (rows > limit / cols) throw std::bad_array_new_length();
    return static_cast<std::size_t>(rows * cols) * sizeof(T);
  }

  static Memory allocate(std::int64_t rows, std::int64_t cols) {
    const std::size_t bytes = bytes_of(rows, cols);
    if (bytes == 0) return {};
    return Memory(static_cast<T*>(allocate_zeroed(bytes)), Release{bytes});
  }

  std::int64_t rows_ = 0;
  std::int64_t cols_ = 0;
  Memory data_;
};

}  // namespace amalgam::core
