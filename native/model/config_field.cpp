#include "model/config_field.h"

#include <cmath>

namespace amalgam::model {

namespace {

constexpr std::size_t most_shown_bytes = 80;

}  // namespace

using core::Error;
using core::Json;

std::string shown(const Json& value) {
  std::string text = value.dump();
  if (text.size() <= most_shown_bytes) return text;
  std::size_t end = most_shown_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // no half characters
  return text.substr(0, end) + "...";
}

ConfigObject::ConfigObject(const Json& object, std::string name) : object_(object), name_(std::move(name)) {
  if (!object.is_object()) {
    throw Error("config-invalid",
                (name_.empty() ? "config.json" : name_) + " must be an object, not " + shown(object) + ".");
  }
}

const Json* ConfigObject::find(std::string_view key) const {
  const Json* value = object_.find(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::string ConfigObject::path(std::string_view key) const {
  return name_.empty() ? std::string(key) : name_ + "." + std::string(key);
}

Error ConfigObject::invalid(std::string_view key, const std::string& what) const {
  const Json* value = find(key);
  return Error("config-invalid",
               path(key) + " " + what + (value == nullptr ? "; it is missing." : ", not " + shown(*value) + "."));
}

Error ConfigObject::unsupported(std::string_view key, const std::string& hint) const {
  const Json* value = find(key);
  return Error("config-unsupported",
               path(key) + " is " + (value == nullptr ? "missing" : shown(*value)) + ", which is not computed here.")
      .with_hint(hint);
}

std::int64_t ConfigObject::integer(std::string_view key, std::int64_t low, std::int64_t high,
                                   std::optional<std::int64_t> if_absent) const {
  const Json* value = find(key);
  if (value == nullptr && if_absent) return *if_absent;
  const std::string expected = "must be a whole number from " + std::to_string(low) + " to " + std::to_string(high);
  if (value == nullptr || !value->is_number()) throw invalid(key, expected);
  const double number = value->as_number(key);
  if (number != std::floor(number) || number < static_cast<double>(low) || number > static_cast<double>(high)) {
    throw invalid(key, expected);
  }
  return static_cast<std::int64_t>(number);
}

double ConfigObject::number_above(std::string_view key, double above, std::optional<double> if_absent) const {
  const Json* value = find(key);
  if (value == nullptr && if_absent) return *if_absent;
  if (value != nullptr && value->is_number()) {
    const double number = value->as_number(key);
    if (std::isfinite(number) && number > above) return number;
  }
  throw invalid(key, "must be a number above " + Json(above).dump());
}

bool ConfigObject::flag(std::string_view key, bool if_absent) const {
  const Json* value = find(key);
  if (value == nullptr) return if_absent;
  const std::string text = value->dump();
  if (text == "true" || text == "false") return text == "true";
  throw invalid(key, "must be true or false");
}

std::string ConfigObject::text(std::string_view key, std::string_view if_absent) const {
  const Json* value = find(key);
  if (value == nullptr) return std::string(if_absent);
  if (!value->is_string()) throw invalid(key, "must be a text");
  return value->as_string(key);
}

ConfigObject ConfigObject::object(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) throw invalid(key, "must be an object");
  return {*value, path(key)};
}

}  // namespace amalgam::model
