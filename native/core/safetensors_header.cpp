// The header of a safetensors file, as a hostile stranger may have written it.
#include <algorithm>
#include <cstdint>
#include <string>

#include "core/error.h"
#include "core/json_scanner.h"
#include "core/safetensors.h"

namespace amalgam::core {

namespace {

constexpr JsonCodes header_codes{"header-not-json", "header-duplicate-key"};
constexpr std::string_view metadata_key = "__metadata__";

Error invalid(const std::string& tensor, const std::string& message) {
  return Error("header-invalid", message).at_tensor(tensor);
}

Metadata parse_metadata(JsonScanner& scanner) {
  Metadata metadata;
  if (scanner.peek_value() != '{') throw Error("header-invalid", "\"__metadata__\" must be an object of texts.");
  scanner.expect('{');
  if (scanner.accept('}')) return metadata;
  do {
    std::string key = scanner.string();
    scanner.expect(':');
    if (scanner.peek_value() != '"') throw Error("header-invalid", "\"__metadata__\" must hold texts only.");
    metadata.emplace_back(std::move(key), scanner.string());
  } while (scanner.more('}'));

  std::vector<std::string_view> keys;
  for (const auto& entry : metadata) keys.push_back(entry.first);
  scanner.check_unique(std::move(keys));
  return metadata;
}

/// A list of at most `limit` whole numbers of zero or more; anything else is reported with `code`.
std::vector<std::int64_t> parse_sizes(JsonScanner& scanner, const std::string& tensor, const char* field,
                                      std::size_t limit, const char* code) {
  const auto refuse = [&](const std::string& message) {
    return Error(code, std::string(field) + " " + message).at_tensor(tensor);
  };
  std::vector<std::int64_t> sizes;
  if (scanner.peek_value() != '[') throw refuse("must be a list of numbers.");
  scanner.expect('[');
  if (scanner.accept(']')) return sizes;
  do {
    const char first = scanner.peek_value();
    if (first != '-' && (first < '0' || first > '9')) throw refuse("must hold numbers only.");
    const JsonScanner::Number number = scanner.number();
    const auto* size = std::get_if<std::int64_t>(&number);
    if (size == nullptr || *size < 0 || *size > max_exact_number) {
      throw refuse("must hold whole numbers from 0 to 2^53.");
    }
    if (sizes.size() == limit) throw refuse("has more than " + std::to_string(limit) + " numbers.");
    sizes.push_back(*size);
  } while (scanner.more(']'));
  return sizes;
}

DType parse_dtype(JsonScanner& scanner, const std::string& tensor) {
  if (scanner.peek_value() != '"') throw invalid(tensor, "dtype must be a text.");
  const std::string name = scanner.string();
  const std::optional<DType> dtype = dtype_from_name(name);
  if (!dtype) throw Error("unknown-dtype", "The type \"" + name + "\" is not known.").at_tensor(tensor);
  return *dtype;
}

/// Bytes that a tensor of this shape takes. Zero sizes do not hide an overflow of the others.
std::uint64_t byte_length(const TensorInfo& tensor) {
  std::int64_t bits = dtype_bits(tensor.dtype);
  bool empty = false;
  for (const std::int64_t size : tensor.shape) {
    if (size == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(bits, size, &bits) || bits > max_exact_number) {
      throw invalid(tensor.name, "The product of the shape is too large.");
    }
  }
  if (empty) return 0;
  if (bits % 8 != 0) throw invalid(tensor.name, "The tensor does not end on a whole byte.");
  return static_cast<std::uint64_t>(bits / 8);
}

TensorInfo parse_tensor(JsonScanner& scanner, std::string name) {
  if (name.size() > max_tensor_name_bytes) {
    throw Error("header-invalid", "A tensor has a name of " + std::to_string(name.size()) + " bytes.");
  }
  TensorInfo tensor;
  tensor.name = std::move(name);
  bool has_dtype = false;
  bool has_shape = false;
  bool has_offsets = false;
  const auto first_time = [&](bool& seen, const std::string& key) {
    if (seen) throw Error(header_codes.duplicate_key, "The key \"" + key + "\" appears twice.").at_tensor(tensor.name);
    seen = true;
  };

  if (scanner.peek_value() != '{') throw invalid(tensor.name, "The entry of a tensor must be an object.");
  scanner.expect('{');
  if (scanner.accept('}')) throw invalid(tensor.name, "dtype, shape and data_offsets are missing.");
  do {
    const std::string key = scanner.string();
    scanner.expect(':');
    if (key == "dtype") {
      first_time(has_dtype, key);
      tensor.dtype = parse_dtype(scanner, tensor.name);
    } else if (key == "shape") {
      first_time(has_shape, key);
      tensor.shape = parse_sizes(scanner, tensor.name, "shape", max_tensor_rank, "header-invalid");
    } else if (key == "data_offsets") {
      first_time(has_offsets, key);
      const auto offsets = parse_sizes(scanner, tensor.name, "data_offsets", 2, "tensor-offsets-invalid");
      if (offsets.size() != 2) {
        throw Error("tensor-offsets-invalid", "data_offsets must be [begin, end].").at_tensor(tensor.name);
      }
      tensor.begin = static_cast<std::uint64_t>(offsets[0]);
      tensor.end = static_cast<std::uint64_t>(offsets[1]);
    } else {
      throw invalid(tensor.name, "The key \"" + key + "\" is not known.");
    }
  } while (scanner.more('}'));
  if (!has_dtype || !has_shape || !has_offsets) {
    throw invalid(tensor.name, "A tensor needs dtype, shape and data_offsets.");
  }
  return tensor;
}

void check_offsets(const TensorInfo& tensor, std::uint64_t data_bytes) {
  const auto refuse = [&](const std::string& message) {
    return Error("tensor-offsets-invalid", message).at_tensor(tensor.name);
  };
  if (tensor.end < tensor.begin) throw refuse("data_offsets end before they begin.");
  if (tensor.end > data_bytes) throw refuse("data_offsets reach beyond the end of the file.");
  const std::uint64_t expected = byte_length(tensor);
  if (tensor.end - tensor.begin != expected) {
    throw refuse("data_offsets hold " + std::to_string(tensor.end - tensor.begin) +
                 " bytes where shape and dtype need " + std::to_string(expected) + ".");
  }
}

/// Every byte of the data belongs to exactly one tensor. A tensor without elements lies at a border between two others.
void check_tiling(const std::vector<TensorInfo>& tensors, std::uint64_t data_bytes) {
  std::uint64_t covered = 0;
  for (const TensorInfo& tensor : tensors) {
    if (tensor.begin < covered) {
      throw Error("tensor-overlap", "The tensor shares bytes with another one.").at_tensor(tensor.name);
    }
    if (tensor.begin > covered) {
      throw Error("tensor-hole", "Bytes before this tensor belong to no tensor.").at_tensor(tensor.name);
    }
    covered = tensor.end;
  }
  if (covered != data_bytes) {
    throw Error("tensor-hole", "The last " + std::to_string(data_bytes - covered) + " bytes belong to no tensor.");
  }
}

}  // namespace

std::int64_t TensorInfo::elements() const {
  std::int64_t product = 1;
  for (const std::int64_t size : shape) product *= size;
  return product;
}

std::int64_t TensorInfo::rows() const { return shape.empty() ? 1 : shape.front(); }

std::int64_t TensorInfo::row_length() const {
  std::int64_t product = 1;
  for (std::size_t i = 1; i < shape.size(); ++i) product *= shape[i];
  return product;
}

void TensorInfo::check_rows(std::int64_t first, std::int64_t count, const std::string& path) const {
  if (first >= 0 && count >= 0 && first <= rows() && count <= rows() - first) return;
  throw Error("shape-mismatch", "The tensor has " + std::to_string(rows()) + " rows; " + std::to_string(count) +
                                    " rows from " + std::to_string(first) + " on were asked for.")
      .at_path(path)
      .at_tensor(name);
}

SafetensorsHeader parse_safetensors_header(std::string_view json, std::uint64_t data_bytes) {
  SafetensorsHeader header;
  if (json.empty() || json.front() != '{') throw Error("header-not-json", "The header does not begin with '{'.");
  JsonScanner scanner(json, header_codes);
  bool has_metadata = false;
  scanner.expect('{');
  if (!scanner.accept('}')) {
    do {
      std::string key = scanner.string();
      scanner.expect(':');
      if (key == metadata_key) {
        if (has_metadata) throw Error(header_codes.duplicate_key, "The key \"__metadata__\" appears twice.");
        has_metadata = true;
        header.metadata = parse_metadata(scanner);
        continue;
      }
      if (header.tensors.size() == max_tensors) {
        throw Error("too-many-tensors", "The file names more than " + std::to_string(max_tensors) + " tensors.");
      }
      header.tensors.push_back(parse_tensor(scanner, std::move(key)));
    } while (scanner.more('}'));
  }
  scanner.expect_end();

  std::vector<std::string_view> names;
  names.reserve(header.tensors.size());
  for (const TensorInfo& tensor : header.tensors) names.push_back(tensor.name);
  scanner.check_unique(std::move(names));

  for (const TensorInfo& tensor : header.tensors) check_offsets(tensor, data_bytes);
  std::sort(header.tensors.begin(), header.tensors.end(), [](const TensorInfo& left, const TensorInfo& right) {
    return left.begin != right.begin ? left.begin < right.begin : left.end < right.end;
  });
  check_tiling(header.tensors, data_bytes);
  return header;
}

}  // namespace amalgam::core
