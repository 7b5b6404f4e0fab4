// JSON values: requests come in as one, results go out as one.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace amalgam::core {

/// A JSON value. Objects keep their order. A number written without fraction or exponent that fits 64 bits stays an
/// exact integer. The accessors below throw Error "request-invalid" naming the field and what was expected.
class Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;

  Json() = default;  ///< null
  Json(std::nullptr_t) {}
  Json(bool value) : value_(value) {}
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Json(T value) : value_(static_cast<std::int64_t>(value)) {}
  template <std::floating_point T>
  Json(T value) : value_(static_cast<double>(value)) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(Array value) : value_(std::move(value)) {}
  Json(Object value) : value_(std::move(value)) {}

  /// `Json::object({{"name", name}, {"rank", rank}})`
  static Json object(std::initializer_list<Member> members) { return Json(Object(members)); }
  static Json array(std::initializer_list<Json> items = {}) { return Json(Array(items)); }

  /// Reads one strict JSON text (RFC 8259; UTF-8; no duplicate keys; at most 64 levels; numbers within double range).
  /// Throws Error "request-invalid" with the byte position.
  static Json parse(std::string_view text);

  /// Writes without spaces; numbers so that they read back equal. Throws Error "not-finite" on NaN and infinities.
  std::string dump() const;

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
  bool is_number() const;
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }

  /// The value itself, or Error "request-invalid" saying that `field` must be of that kind.
  bool as_bool(std::string_view field) const;
  std::int64_t as_int(std::string_view field) const;
  double as_number(std::string_view field) const;
  const std::string& as_string(std::string_view field) const;
  const Array& as_array(std::string_view field) const;
  const Object& as_object(std::string_view field) const;

  /// The member `key` of an object, or nullptr when it is missing (or this is no object).
  const Json* find(std::string_view key) const;

  /// Required members of an object.
  const Json& at(std::string_view key) const;
  bool get_bool(std::string_view key) const { return at(key).as_bool(key); }
  std::int64_t get_int(std::string_view key) const { return at(key).as_int(key); }
  std::int64_t get_int(std::string_view key, std::int64_t low, std::int64_t high) const;  ///< and within [low, high]
  double get_number(std::string_view key) const { return at(key).as_number(key); }
  const std::string& get_string(std::string_view key) const { return at(key).as_string(key); }
  const Array& get_array(std::string_view key) const { return at(key).as_array(key); }
  const Json& get_object(std::string_view key) const;

  /// Building: adds a member to an object (null becomes an object), an item to an array (null becomes an array).
  Json& set(std::string key, Json value);
  Json& push(Json value);

  /// Calls `visitor` with the value in its C++ type.
  template <typename Visitor>
  void visit(Visitor& visitor) const {
    std::visit(visitor, value_);
  }

 private:
  std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object> value_{nullptr};
};

}  // namespace amalgam::core
