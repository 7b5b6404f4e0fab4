// The one exception type of the native core.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace amalgam::core {

/// An error with a stable kebab-case code, a message in plain words, and where it is known the file path, the tensor
/// name and a hint on what to do. Thrown inside, caught at the addon and at the command line.
///
///   throw Error("shape-mismatch", "expected 16 rows, found 8").at_path(path).at_tensor(name);
struct Error : std::runtime_error {
  Error(std::string error_code, const std::string& message)
      : std::runtime_error(message), code(std::move(error_code)) {}

  Error& at_path(std::string value) {
    path = std::move(value);
    return *this;
  }
  Error& at_tensor(std::string value) {
    tensor = std::move(value);
    return *this;
  }
  Error& with_hint(std::string value) {
    hint = std::move(value);
    return *this;
  }

  std::string code;
  std::string path;
  std::string tensor;
  std::string hint;
};

/// The exception being handled as an Error: std::bad_alloc becomes "out-of-memory", any stranger "internal-error". To
/// be called in a catch block, at the outer edge of the library.
Error current_error();

}  // namespace amalgam::core
