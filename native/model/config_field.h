// Values of a config.json with their places, so that a refusal names the field and what it holds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/json.h"

namespace amalgam::model {

/// An object of a config.json that must outlive it. null counts as absent, but for is_absent.
class ConfigObject {
 public:
  ConfigObject(const core::Json& object, std::string name);

  /// The member, or nullptr when it is absent or null.
  const core::Json* find(std::string_view key) const;
  bool has(std::string_view key) const { return find(key) != nullptr; }
  /// Not even null: for fields whose default in transformers is another thing than null.
  bool is_absent(std::string_view key) const { return object_.find(key) == nullptr; }

  /// A whole number within [low, high]; without a default, an absent one is refused. Throws Error "config-invalid".
  std::int64_t integer(std::string_view key, std::int64_t low, std::int64_t high,
                       std::optional<std::int64_t> if_absent = {}) const;
  /// A finite number above `above`.
  double number_above(std::string_view key, double above, std::optional<double> if_absent = {}) const;
  bool flag(std::string_view key, bool if_absent) const;
  std::string text(std::string_view key, std::string_view if_absent) const;
  ConfigObject object(std::string_view key) const;

  /// "rope_scaling.factor" for the member `key` of rope_scaling.
  std::string path(std::string_view key) const;

  /// Errors about a member, to be thrown: one that cannot be, and one that can but is not computed here.
  core::Error invalid(std::string_view key, const std::string& what) const;
  core::Error unsupported(std::string_view key, const std::string& hint) const;

 private:
  const core::Json& object_;
  std::string name_;
};

/// JSON text of a value for messages, cut after 80 bytes.
std::string shown(const core::Json& value);

}  // namespace amalgam::model
