// A small test runner: one executable per file, one TEST per fact.
//
//   TEST("rounds to even") { CHECK_EQ(f(1), 2); CHECK_NEAR(g(), 0.5, 1e-9); CHECK_ERROR("shape-mismatch", h()); }
//
// A failed check ends its test. SKIP("reason") ends it as skipped.
#pragma once

#include <cmath>
#include <functional>
#include <source_location>
#include <sstream>
#include <stdexcept>
#include <string>

#include "core/error.h"

namespace amalgam::test {

/// Whether the sanitizers look on. What only repeats the same code for the sake of its values, which the plain build checks,
/// may be repeated less often there.
#ifdef __SANITIZE_ADDRESS__
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

struct Registration {
  Registration(const char* name, std::function<void()> body);
};

/// Where this test may write; empty at its beginning, removed at its end.
const std::string& scratch_folder();

[[noreturn]] void fail(const std::string& what, std::source_location where);
[[noreturn]] void skip(const std::string& reason);

template <typename T>
std::string shown(const T& value) {
  std::ostringstream text;
  text.precision(17);
  if constexpr (requires { text << value; }) {
    text << value;
  } else {
    text << "(value)";
  }
  return text.str();
}

template <typename A, typename B>
void check_equal(const A& actual, const B& expected, const char* words, std::source_location where) {
  if (!(actual == expected)) fail(std::string(words) + ": " + shown(actual) + " is not " + shown(expected), where);
}

/// NaN is near nothing.
inline void check_near(double actual, double expected, double tolerance, const char* words,
                       std::source_location where) {
  if (std::abs(actual - expected) <= tolerance) return;
  fail(std::string(words) + ": " + shown(actual) + " is not within " + shown(tolerance) + " of " + shown(expected),
       where);
}

/// Runs `action`, which must throw core::Error with `code`; returns that error.
core::Error check_error(const std::string& code, const std::function<void()>& action, std::source_location where);

}  // namespace amalgam::test

#define AMALGAM_JOIN_(a, b) a##b
#define AMALGAM_JOIN(a, b) AMALGAM_JOIN_(a, b)
#define TEST(name)                                                                                                  \
  static void AMALGAM_JOIN(test_body_, __LINE__)();                                                                 \
  static const ::amalgam::test::Registration AMALGAM_JOIN(test_row_, __LINE__)(name,                                \
                                                                               AMALGAM_JOIN(test_body_, __LINE__)); \
  static void AMALGAM_JOIN(test_body_, __LINE__)()

#define AMALGAM_HERE std::source_location::current()
#define CHECK(condition) ((condition) ? void() : ::amalgam::test::fail("not true: " #condition, AMALGAM_HERE))
#define CHECK_EQ(actual, expected) ::amalgam::test::check_equal((actual), (expected), #actual, AMALGAM_HERE)
#define CHECK_NEAR(actual, expected, tolerance) \
  ::amalgam::test::check_near((actual), (expected), (tolerance), #actual, AMALGAM_HERE)
#define CHECK_ERROR(code, expression) \
  ::amalgam::test::check_error((code), [&] { static_cast<void>(expression); }, AMALGAM_HERE)
#define SKIP(reason) ::amalgam::test::skip(reason)
