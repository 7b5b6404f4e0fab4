#include "core/json.h"

#include <charconv>
#include <cmath>
#include <cstdio>

#include "core/error.h"
#include "core/json_scanner.h"

namespace amalgam::core {

namespace {

constexpr int max_depth = 64;
constexpr JsonCodes request_codes{"request-invalid", "request-invalid"};

Json parse_value(JsonScanner& scanner, int depth);

Json parse_object(JsonScanner& scanner, int depth) {
  Json::Object members;
  scanner.expect('{');
  if (scanner.accept('}')) return members;
  do {
    std::string key = scanner.string();
    scanner.expect(':');
    members.emplace_back(std::move(key), parse_value(scanner, depth));
  } while (scanner.more('}'));

  std::vector<std::string_view> keys;
  keys.reserve(members.size());
  for (const Json::Member& member : members) keys.push_back(member.first);
  scanner.check_unique(std::move(keys));
  return members;
}

Json parse_array(JsonScanner& scanner, int depth) {
  Json::Array items;
  scanner.expect('[');
  if (scanner.accept(']')) return items;
  do {
    items.push_back(parse_value(scanner, depth));
  } while (scanner.more(']'));
  return items;
}

Json parse_value(JsonScanner& scanner, int depth) {
  if (depth > max_depth) scanner.fail("more than " + std::to_string(max_depth) + " levels");
  switch (scanner.peek_value()) {
    case '{': return parse_object(scanner, depth + 1);
    case '[': return parse_array(scanner, depth + 1);
    case '"': return scanner.string();
    case 't': scanner.expect_word("true"); return true;
    case 'f': scanner.expect_word("false"); return false;
    case 'n': scanner.expect_word("null"); return nullptr;
    default: return std::visit([](auto number) { return Json(number); }, scanner.number());
  }
}

[[noreturn]] void wrong_kind(std::string_view field, const char* expected) {
  throw Error("request-invalid", "\"" + std::string(field) + "\" must be " + expected + ".");
}

void dump_string(const std::string& text, std::string& out) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", byte);
      out += escaped;
    } else {
      out += c;
    }
  }
  out += '"';
}

template <typename T>
void dump_number(T value, std::string& out) {
  char digits[32];
  const auto result = std::to_chars(digits, digits + sizeof digits, value);
  out.append(digits, result.ptr);
}

struct Dumper {
  std::string& out;

  void operator()(std::nullptr_t) { out += "null"; }
  void operator()(bool value) { out += value ? "true" : "false"; }
  void operator()(std::int64_t value) { dump_number(value, out); }
  void operator()(double value) {
    if (!std::isfinite(value)) throw Error("not-finite", "JSON has no word for a number that is not finite.");
    dump_number(value, out);
  }
  void operator()(const std::string& value) { dump_string(value, out); }
  void operator()(const Json::Array& items) {
    out += '[';
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out += ',';
      items[i].visit(*this);
    }
    out += ']';
  }
  void operator()(const Json::Object& members) {
    out += '{';
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (i > 0) out += ',';
      dump_string(members[i].first, out);
      out += ':';
      members[i].second.visit(*this);
    }
    out += '}';
  }
};

}  // namespace

Json Json::parse(std::string_view text) {
  JsonScanner scanner(text, request_codes);
  Json value = parse_value(scanner, 1);
  scanner.expect_end();
  return value;
}

std::string Json::dump() const {
  std::string out;
  Dumper dumper{out};
  visit(dumper);
  return out;
}

bool Json::is_number() const {
  return std::holds_alternative<std::int64_t>(value_) || std::holds_alternative<double>(value_);
}

bool Json::as_bool(std::string_view field) const {
  if (const auto* value = std::get_if<bool>(&value_)) return *value;
  wrong_kind(field, "true or false");
}

std::int64_t Json::as_int(std::string_view field) const {
  if (const auto* value = std::get_if<std::int64_t>(&value_)) return *value;
  wrong_kind(field, "a whole number");
}

double Json::as_number(std::string_view field) const {
  if (const auto* value = std::get_if<std::int64_t>(&value_)) return static_cast<double>(*value);
  if (const auto* value = std::get_if<double>(&value_)) return *value;
  wrong_kind(field, "a number");
}

const std::string& Json::as_string(std::string_view field) const {
  if (const auto* value = std::get_if<std::string>(&value_)) return *value;
  wrong_kind(field, "a text");
}

const Json::Array& Json::as_array(std::string_view field) const {
  if (const auto* value = std::get_if<Array>(&value_)) return *value;
  wrong_kind(field, "a list");
}

const Json::Object& Json::as_object(std::string_view field) const {
  if (const auto* value = std::get_if<Object>(&value_)) return *value;
  wrong_kind(field, "an object");
}

const Json* Json::find(std::string_view key) const {
  const auto* members = std::get_if<Object>(&value_);
  if (members == nullptr) return nullptr;
  for (const Member& member : *members) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

const Json& Json::at(std::string_view key) const {
  if (const Json* value = find(key)) return *value;
  throw Error("request-invalid", "\"" + std::string(key) + "\" is missing.");
}

std::int64_t Json::get_int(std::string_view key, std::int64_t low, std::int64_t high) const {
  const std::int64_t value = get_int(key);
  if (value >= low && value <= high) return value;
  throw Error("request-invalid", "\"" + std::string(key) + "\" must be from " + std::to_string(low) + " to " +
                                     std::to_string(high) + ", not " + std::to_string(value) + ".");
}

const Json& Json::get_object(std::string_view key) const {
  const Json& value = at(key);
  if (!value.is_object()) wrong_kind(key, "an object");
  return value;
}

Json& Json::set(std::string key, Json value) {
  if (is_null()) value_ = Object();
  std::get<Object>(value_).emplace_back(std::move(key), std::move(value));
  return *this;
}

Json& Json::push(Json value) {
  if (is_null()) value_ = Array();
  std::get<Array>(value_).push_back(std::move(value));
  return *this;
}

}  // namespace amalgam::core
