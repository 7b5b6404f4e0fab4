#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

#include "core/error.h"
#include "core/json.h"
#include "core/safetensors.h"
#include "core/vectorised.h"

namespace amalgam::core {

namespace {

constexpr std::uint64_t alignment = 8;              // of the first data byte
constexpr std::int64_t chunk_elements = 64 * 1024;  // of a conversion: fits the second-level cache

std::vector<TensorInfo> lay_out(std::vector<TensorPlan> plan) {
  std::sort(plan.begin(), plan.end(), [](const TensorPlan& a, const TensorPlan& b) { return a.name < b.name; });
  std::vector<TensorInfo> tensors;
  tensors.reserve(plan.size());
  std::uint64_t place = 0;
  for (TensorPlan& entry : plan) {
    const auto refuse = [&](const std::string& message) {
      return Error("request-invalid", message).at_tensor(entry.name);
    };
    if (!tensors.empty() && tensors.back().name == entry.name) throw refuse("The tensor is to be written twice.");
    if (entry.dtype != DType::F32 && entry.dtype != DType::BF16 && entry.dtype != DType::F16 &&
        entry.dtype != DType::U8) {
      throw refuse("Tensors are written as F32, BF16, F16 or U8.");
    }
    std::int64_t bytes = dtype_bits(entry.dtype) / 8;
    for (const std::int64_t size : entry.shape) {
      if (size < 0 || __builtin_mul_overflow(bytes, size, &bytes)) throw refuse("The shape is not possible.");
    }
    const std::uint64_t end = place + static_cast<std::uint64_t>(bytes);
    tensors.push_back({std::move(entry.name), entry.dtype, std::move(entry.shape), place, end});
    place = end;
  }
  return tensors;
}

/// The 8-byte length and the JSON, padded so that the data begins at a multiple of 8.
std::string encode_header(const std::vector<TensorInfo>& tensors, const Metadata& metadata) {
  Json header = Json::object({});
  if (!metadata.empty()) {
    Json texts;
    for (const auto& [key, value] : metadata) texts.set(key, value);
    header.set("__metadata__", std::move(texts));
  }
  for (const TensorInfo& tensor : tensors) {
    Json shape = Json::array();
    for (const std::int64_t size : tensor.shape) shape.push(size);
    header.set(tensor.name, Json::object({{"dtype", dtype_name(tensor.dtype)},
                                          {"shape", std::move(shape)},
                                          {"data_offsets", Json::array({tensor.begin, tensor.end})}}));
  }
  std::string json = header.dump();
  json.append((alignment - json.size() % alignment) % alignment, ' ');
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>((json.size() >> (8 * i)) & 0xff);
  return bytes + json;
}

/// True when an element of F32, BF16 or F16 has all exponent bits set, which means infinity or NaN in each of them.
template <typename Word>
bool any_non_finite(const std::byte* stored, std::int64_t count, Word exponent) {
  bool found = false;
  vectorised([&]() AMALGAM_INLINE {
    Word largest = 0;  // no early exit: this loop becomes vector code
    for (std::int64_t i = 0; i < count; ++i) {
      Word word;
      std::memcpy(&word, stored + i * static_cast<std::int64_t>(sizeof word), sizeof word);
      largest = std::max(largest, static_cast<Word>(word & exponent));
    }
    found = largest == exponent;
  });
  return found;
}

/// Refuses numbers that are not finite, and those that stop being finite by rounding.
void check_finite(const float* source, const std::byte* rounded, std::int64_t count, const TensorInfo& tensor) {
  const bool found = tensor.dtype == DType::F32    ? any_non_finite<std::uint32_t>(rounded, count, 0x7f800000u)
                     : tensor.dtype == DType::BF16 ? any_non_finite<std::uint16_t>(rounded, count, 0x7f80u)
                                                   : any_non_finite<std::uint16_t>(rounded, count, 0x7c00u);
  if (!found) return;
  if (std::all_of(source, source + count, [](float value) { return std::isfinite(value); })) {
    throw Error("not-finite", "The result holds a number too large for " + std::string(dtype_name(tensor.dtype)) + ".")
        .at_tensor(tensor.name)
        .with_hint("Write bfloat16 or float32 instead.");
  }
  throw Error("not-finite", "The result holds a number that is not finite.").at_tensor(tensor.name);
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(const std::string& path, std::vector<TensorPlan> plan, const Metadata& metadata)
    : file_(path), tensors_(lay_out(std::move(plan))) {
  for (std::size_t i = 0; i < tensors_.size(); ++i) index_.emplace(tensors_[i].name, i);
  const std::string header = encode_header(tensors_, metadata);
  data_begin_ = header.size();
  data_bytes_ = tensors_.empty() ? 0 : tensors_.back().end;
  file_.reserve(data_begin_ + data_bytes_);
  file_.write(0, header.size(), header.data());
  bytes_written_ = header.size();
}

const TensorInfo& SafetensorsWriter::at(std::string_view name) const {
  const auto entry = index_.find(name);
  if (entry != index_.end()) return tensors_[entry->second];
  throw Error("tensor-missing", "The tensor is not part of the file's plan.")
      .at_path(file_.path())
      .at_tensor(std::string(name));
}

void SafetensorsWriter::write_f32(std::string_view name, const float* data) {
  write_f32(name, 0, at(name).rows(), data);
}

void SafetensorsWriter::write_f32(std::string_view name, std::int64_t first_row, std::int64_t row_count,
                                  const float* data) {
  const TensorInfo& tensor = at(name);
  tensor.check_rows(first_row, row_count, file_.path());
  const std::int64_t element_bytes = dtype_bits(tensor.dtype) / 8;
  std::int64_t left = row_count * tensor.row_length();
  std::uint64_t place =
      data_begin_ + tensor.begin + static_cast<std::uint64_t>(first_row * tensor.row_length() * element_bytes);
  const auto chunk = std::make_unique_for_overwrite<std::byte[]>(
      static_cast<std::size_t>(std::min(left, chunk_elements) * element_bytes));
  while (left > 0) {
    const std::int64_t count = std::min(left, chunk_elements);
    const auto bytes = static_cast<std::size_t>(count * element_bytes);
    from_f32(tensor.dtype, data, count, chunk.get());
    check_finite(data, chunk.get(), count, tensor);
    file_.write(place, bytes, chunk.get());
    bytes_written_ += bytes;
    data += count;
    place += bytes;
    left -= count;
  }
  if (first_row + row_count == tensor.rows()) file_.start_flush(data_begin_ + tensor.begin, tensor.end - tensor.begin);
}

void SafetensorsWriter::write_raw(std::string_view name, const void* data) {
  const TensorInfo& tensor = at(name);
  file_.write(data_begin_ + tensor.begin, static_cast<std::size_t>(tensor.end - tensor.begin), data);
  bytes_written_ += tensor.end - tensor.begin;
}

void SafetensorsWriter::finish() {
  if (bytes_written_ != data_begin_ + data_bytes_) {
    throw std::logic_error("SafetensorsWriter: " + std::to_string(bytes_written_) + " of " +
                           std::to_string(data_begin_ + data_bytes_) + " bytes were written");
  }
  file_.finish();
}

}  // namespace amalgam::core
