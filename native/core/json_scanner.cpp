#include "core/json_scanner.h"

#include <algorithm>
#include <charconv>
#include <system_error>

#include "core/error.h"

namespace amalgam::core {

namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void append_utf8(std::string& out, std::uint32_t point) {
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xc0 | (point >> 6));
    out += static_cast<char>(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    out += static_cast<char>(0xe0 | (point >> 12));
    out += static_cast<char>(0x80 | ((point >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (point & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | (point >> 18));
    out += static_cast<char>(0x80 | ((point >> 12) & 0x3f));
    out += static_cast<char>(0x80 | ((point >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (point & 0x3f));
  }
}

}  // namespace

char JsonScanner::peek() {
  while (position_ < text_.size() && is_space(text_[position_])) ++position_;
  return position_ < text_.size() ? text_[position_] : '\0';
}

char JsonScanner::peek_value() {
  const char c = peek();
  if (c == '\0' || std::string_view("{[\"tfn-0123456789").find(c) == std::string_view::npos) fail("expected a value");
  return c;
}

bool JsonScanner::accept(char wanted) {
  if (peek() != wanted) return false;
  ++position_;
  return true;
}

void JsonScanner::expect(char wanted) {
  if (!accept(wanted)) fail(std::string("expected '") + wanted + "'");
}

void JsonScanner::expect_word(std::string_view word) {
  peek();
  if (text_.substr(position_, word.size()) != word) fail("expected a value");
  position_ += word.size();
}

void JsonScanner::expect_end() {
  peek();
  if (position_ != text_.size()) fail("text after the end of the value");
}

bool JsonScanner::more(char close) {
  if (accept(',')) return true;
  if (accept(close)) return false;
  fail(std::string("expected ',' or '") + close + "'");
}

std::string JsonScanner::string() {
  expect('"');
  std::string out;
  while (position_ < text_.size()) {
    const char c = text_[position_];
    if (c == '"') {
      ++position_;
      return out;
    }
    if (c == '\\') {
      ++position_;
      string_escape(out);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fail("control character in a string");
    } else {
      utf8_character(out);
    }
  }
  fail("a string that does not end");
}

void JsonScanner::string_escape(std::string& out) {
  if (position_ >= text_.size()) fail("a string that does not end");
  const char kind = text_[position_++];
  switch (kind) {
    case '"': out += '"'; return;
    case '\\': out += '\\'; return;
    case '/': out += '/'; return;
    case 'b': out += '\b'; return;
    case 'f': out += '\f'; return;
    case 'n': out += '\n'; return;
    case 'r': out += '\r'; return;
    case 't': out += '\t'; return;
    case 'u': break;
    default: fail("unknown escape in a string");
  }
  std::uint32_t point = four_hex_digits();
  if (point >= 0xd800 && point < 0xdc00) {
    if (text_.substr(position_, 2) != "\\u") fail("half of a surrogate pair");
    position_ += 2;
    const std::uint32_t low = four_hex_digits();
    if (low < 0xdc00 || low > 0xdfff) fail("half of a surrogate pair");
    point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
  } else if (point >= 0xdc00 && point < 0xe000) {
    fail("half of a surrogate pair");
  }
  append_utf8(out, point);
}

std::uint32_t JsonScanner::four_hex_digits() {
  const std::string_view digits = text_.substr(position_, 4);
  std::uint32_t value = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (problem != std::errc() || digits.size() != 4 || end != digits.data() + 4)
    fail("expected four hexadecimal digits");
  position_ += 4;
  return value;
}

void JsonScanner::utf8_character(std::string& out) {
  const auto byte_at = [&](std::size_t i) -> std::uint32_t {
    return position_ + i < text_.size() ? static_cast<unsigned char>(text_[position_ + i]) : 0u;
  };
  const std::uint32_t lead = byte_at(0);
  const std::size_t length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  std::uint32_t point = length == 1 ? lead : lead & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte_at(i) & 0xc0u) != 0x80u) fail("bytes that are not UTF-8");
    point = (point << 6) | (byte_at(i) & 0x3fu);
  }
  // Stray continuation bytes, encodings longer than needed, surrogates, and points beyond Unicode.
  constexpr std::uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = point >= 0xd800 && point < 0xe000;
  if ((lead & 0xc0u) == 0x80u || lead >= 0xf8 || point < smallest[length] || surrogate || point > 0x10ffff) {
    fail("bytes that are not UTF-8");
  }
  out.append(text_.substr(position_, length));
  position_ += length;
}

void JsonScanner::digits() {
  const std::size_t begin = position_;
  while (position_ < text_.size() && is_digit(text_[position_])) ++position_;
  if (position_ == begin) fail("expected a digit");
}

JsonScanner::Number JsonScanner::number() {
  peek();
  const std::size_t begin = position_;
  const auto next_is = [&](char c) { return position_ < text_.size() && text_[position_] == c; };
  if (next_is('-')) ++position_;
  if (next_is('0')) {
    ++position_;
  } else {
    digits();
  }
  bool whole = true;
  if (next_is('.')) {
    whole = false;
    ++position_;
    digits();
  }
  if (next_is('e') || next_is('E')) {
    whole = false;
    ++position_;
    if (next_is('+') || next_is('-')) ++position_;
    digits();
  }
  const char* first = text_.data() + begin;
  const char* last = text_.data() + position_;
  std::int64_t integer = 0;
  if (whole && std::from_chars(first, last, integer).ec == std::errc()) return integer;
  double value = 0.0;
  if (std::from_chars(first, last, value).ec != std::errc()) fail("a number out of range");
  return value;
}

void JsonScanner::check_unique(std::vector<std::string_view> keys) const {
  std::sort(keys.begin(), keys.end());
  const auto twin = std::adjacent_find(keys.begin(), keys.end());
  if (twin != keys.end()) throw Error(codes_.duplicate_key, "The key \"" + std::string(*twin) + "\" appears twice.");
}

void JsonScanner::fail(const std::string& what) const {
  throw Error(codes_.syntax, "Not valid JSON: " + what + " at byte " + std::to_string(position_) + ".");
}

}  // namespace amalgam::core
