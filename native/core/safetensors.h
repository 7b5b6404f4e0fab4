// Reading and writing safetensors files.
//
// Layout: 8 bytes little-endian header length N; N bytes of JSON, padded with spaces; the tensors' bytes without gaps.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/dtype.h"
#include "core/file.h"

namespace amalgam::core {

/// One tensor of a file. Offsets count from the beginning of the data section.
struct TensorInfo {
  std::string name;
  DType dtype = DType::F32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  std::int64_t elements() const;    ///< product of the shape; 1 for a scalar
  std::int64_t rows() const;        ///< shape[0]; 1 for a scalar
  std::int64_t row_length() const;  ///< elements per row

  /// Throws Error "shape-mismatch" at `path` unless rows [first, first + count) exist.
  void check_rows(std::int64_t first, std::int64_t count, const std::string& path) const;
};

using Metadata = std::vector<std::pair<std::string, std::string>>;

/// What a header says, after every check of it.
struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;  ///< in order of their bytes in the file
  Metadata metadata;
};

inline constexpr std::uint64_t max_header_bytes = 100'000'000;
inline constexpr std::size_t max_tensors = 1'000'000;
inline constexpr std::size_t max_tensor_rank = 8;
inline constexpr std::size_t max_tensor_name_bytes = 2000;  ///< names go into messages and tables
/// Largest size, offset and number of bits: beyond it readers that keep numbers as doubles would see another one.
inline constexpr std::int64_t max_exact_number = (std::int64_t{1} << 53) - 1;

/// Checks and reads the JSON of a header whose data section has `data_bytes` bytes. Throws Error "header-not-json",
/// "header-duplicate-key", "header-invalid", "unknown-dtype", "too-many-tensors", "tensor-offsets-invalid",
/// "tensor-overlap" or "tensor-hole"; never reads outside `json`, and needs memory in proportion to it.
SafetensorsHeader parse_safetensors_header(std::string_view json, std::uint64_t data_bytes);

/// An open safetensors file whose header passed every check. Reads may run on several threads at once.
class SafetensorsReader {
 public:
  /// Throws the errors of parse_safetensors_header and of InputFile, "file-too-small" and "header-too-long".
  explicit SafetensorsReader(const std::string& path);

  const std::string& path() const noexcept { return file_.path(); }
  std::uint64_t file_bytes() const noexcept { return file_.size(); }
  const std::vector<TensorInfo>& tensors() const noexcept { return header_.tensors; }
  const Metadata& metadata() const noexcept { return header_.metadata; }

  /// The tensor of that name, or nullptr.
  const TensorInfo* find(std::string_view name) const;
  /// The tensor of that name. Throws Error "tensor-missing".
  const TensorInfo& at(std::string_view name) const;

  /// Rows [first_row, first_row + row_count) as float, row_length() numbers each, into `out`. Throws "unknown-dtype"
  /// when the tensor does not hold F16, BF16, F32 or F64, "shape-mismatch" when it lacks those rows.
  void read_f32(const TensorInfo& tensor, std::int64_t first_row, std::int64_t row_count, float* out) const;
  void read_f32(std::string_view name, std::int64_t first_row, std::int64_t row_count, float* out) const;
  /// The whole tensor.
  void read_f32(const TensorInfo& tensor, float* out) const { read_f32(tensor, 0, tensor.rows(), out); }

  /// `bytes` bytes of the tensor from its byte `offset` on, as they are in the file.
  void read_raw(const TensorInfo& tensor, std::uint64_t offset, std::size_t bytes, void* out) const;

  /// The bytes of the file's data from `begin` to `end`, counted as in TensorInfo, at some place in `space`, which
  /// grows as needed: one read, for neighbouring tensors together.
  const std::byte* read_within(std::uint64_t begin, std::uint64_t end, Matrix<std::byte>& space) const {
    return file_.read_within(data_begin_ + begin, static_cast<std::size_t>(end - begin), space);
  }

  /// See InputFile::leave_cache.
  void leave_cache() noexcept { file_.leave_cache(); }

  /// Asks the system to have the tensor in memory when it is read later.
  void prefetch(const TensorInfo& tensor) const noexcept {
    file_.prefetch(data_begin_ + tensor.begin, tensor.end - tensor.begin);
  }

  /// Throws Error "file-changed" when the file is no longer the one that was opened. Call it after the last read.
  void check_unchanged() const { file_.check_unchanged(); }

 private:
  InputFile file_;
  std::uint64_t data_begin_ = 0;
  SafetensorsHeader header_;
  std::unordered_map<std::string_view, std::size_t> index_;  // views of header_.tensors' names
};

/// A tensor to be written: F32, BF16 or F16, or U8 (masks).
struct TensorPlan {
  std::string name;
  DType dtype = DType::F32;
  std::vector<std::int64_t> shape;
};

/// Writes a file whose header is known in advance: tensors sorted by name, data from a multiple of 8 bytes on. The
/// parts may come in any order and from several threads. Without finish() the destructor removes the file.
class SafetensorsWriter {
 public:
  /// Creates the file and writes its header. Throws "request-invalid" for a plan with equal names, a negative size or
  /// another dtype; "disk-full", "write-failed".
  SafetensorsWriter(const std::string& path, std::vector<TensorPlan> plan, const Metadata& metadata);

  /// Rounds rows [first_row, first_row + row_count) once to the tensor's dtype and writes them. Throws "not-finite"
  /// when a value is NaN or infinite or becomes infinite by rounding, "tensor-missing", "shape-mismatch".
  void write_f32(std::string_view name, std::int64_t first_row, std::int64_t row_count, const float* data);
  /// The whole tensor.
  void write_f32(std::string_view name, const float* data);
  /// All bytes of a tensor as they are, numbers that are not finite included.
  void write_raw(std::string_view name, const void* data);

  /// Waits until `bytes` bytes from `offset` of the file are on their way to the disk: finish() in pieces, between
  /// which a job can be cancelled.
  void flush(std::uint64_t offset, std::uint64_t bytes) const noexcept { file_.flush(offset, bytes); }

  /// Header and data bytes written up to now.
  std::uint64_t bytes_written() const noexcept { return bytes_written_.load(); }

  /// Forces the file to the disk. Throws std::logic_error when parts of a tensor were never written.
  void finish();

 private:
  const TensorInfo& at(std::string_view name) const;

  OutputFile file_;
  std::vector<TensorInfo> tensors_;
  std::unordered_map<std::string_view, std::size_t> index_;
  std::uint64_t data_begin_ = 0;
  std::uint64_t data_bytes_ = 0;
  std::atomic<std::uint64_t> bytes_written_{0};
};

}  // namespace amalgam::core
