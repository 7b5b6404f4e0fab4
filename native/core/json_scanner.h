// Reads JSON text one piece at a time. Json::parse and the safetensors header reader are built on it, so that the rules
// of what is valid JSON exist once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace amalgam::core {

/// The error codes that broken text is reported with.
struct JsonCodes {
  const char* syntax;
  const char* duplicate_key;
};

/// A position in a JSON text. Strict RFC 8259: UTF-8 checked, no control characters in strings, no lone surrogates, no
/// leading zeros, numbers within the range of a double. Every failure throws Error with the codes' syntax code and
/// names the byte position.
class JsonScanner {
 public:
  using Number = std::variant<std::int64_t, double>;

  JsonScanner(std::string_view text, JsonCodes codes) : text_(text), codes_(codes) {}

  /// The next character that is no white space; 0 at the end of the text.
  char peek();
  /// The same where a value must begin: fails when the text ends or the character begins no value.
  char peek_value();
  /// Steps over `wanted` if it comes next.
  bool accept(char wanted);
  /// Steps over `wanted`, which must come next.
  void expect(char wanted);
  /// Steps over a literal such as "true", which must come next.
  void expect_word(std::string_view word);
  /// Nothing but white space may follow.
  void expect_end();

  std::string string();
  /// An int64 when written without fraction and exponent and small enough, else a double.
  Number number();

  /// After an item of a list: true when another follows (the comma is consumed), false at `close` (consumed).
  bool more(char close);

  /// Throws the duplicate_key code when two of `keys` are equal. Sorts them.
  void check_unique(std::vector<std::string_view> keys) const;

  [[noreturn]] void fail(const std::string& what) const;

 private:
  void string_escape(std::string& out);
  std::uint32_t four_hex_digits();
  void utf8_character(std::string& out);
  void digits();

  std::string_view text_;
  JsonCodes codes_;
  std::size_t position_ = 0;
};

}  // namespace amalgam::core
