// A value of a request together with its place, so that a refusal names the field: "job.modules[3].in".
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/json.h"

namespace amalgam::lora {

/// A view of a JSON value that must outlive it. Every accessor throws Error "request-invalid" with the field's name.
class Field {
 public:
  Field(const core::Json& value, std::string name) : value_(value), name_(std::move(name)) {}

  const core::Json& value() const { return value_; }
  const std::string& name() const { return name_; }

  Field at(std::string_view key) const {
    const std::string name = name_.empty() ? std::string(key) : name_ + "." + std::string(key);
    if (!value_.is_object()) throw refuse("must be an object");
    if (const core::Json* member = value_.find(key)) return {*member, name};
    throw core::Error("request-invalid", name + " is missing.");
  }

  std::vector<Field> items() const {
    std::vector<Field> fields;
    for (const core::Json& item : value_.as_array(name_)) {
      fields.emplace_back(item, name_ + "[" + std::to_string(fields.size()) + "]");
    }
    return fields;
  }
  /// At least one item.
  std::vector<Field> some_items() const {
    std::vector<Field> fields = items();
    if (fields.empty()) throw refuse("must not be empty");
    return fields;
  }

  std::int64_t integer(std::int64_t low, std::int64_t high) const {
    const std::int64_t number = value_.as_int(name_);
    if (number >= low && number <= high) return number;
    throw refuse("must be from " + std::to_string(low) + " to " + std::to_string(high) + ", not " +
                 std::to_string(number));
  }

  double number() const {
    const double number = value_.as_number(name_);
    if (std::isfinite(number)) return number;
    throw refuse("must be a finite number");
  }

  bool flag() const { return value_.as_bool(name_); }

  const std::string& text() const {
    const std::string& text = value_.as_string(name_);
    if (!text.empty()) return text;
    throw refuse("must not be empty");
  }

  /// An error about this field, to be thrown.
  core::Error refuse(const std::string& what) const { return {"request-invalid", name_ + " " + what + "."}; }

 private:
  const core::Json& value_;
  std::string name_;
};

}  // namespace amalgam::lora
