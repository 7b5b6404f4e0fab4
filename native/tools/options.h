// Options of the command line: --name value.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace amalgam::tools {

/// What was given on the command line is not what the program takes.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Options {
 public:
  /// Throws UsageError when a word is no option, or one stands without its value.
  explicit Options(const std::vector<std::string>& words) {
    for (std::size_t i = 0; i < words.size(); i += 2) {
      if (!words[i].starts_with("--")) throw UsageError("\"" + words[i] + "\" is no option");
      if (i + 1 == words.size()) throw UsageError(words[i] + " has no value");
      values_[words[i].substr(2)] = words[i + 1];
    }
  }

  /// The value of --name, which then counts as read.
  std::string text(const std::string& name, const std::string& otherwise) {
    const auto entry = values_.find(name);
    if (entry == values_.end()) return otherwise;
    std::string value = entry->second;
    values_.erase(entry);
    return value;
  }

  /// A whole number of at least 1. Throws UsageError for anything else.
  std::int64_t number(const std::string& name, std::int64_t otherwise) {
    const std::string word = text(name, std::to_string(otherwise));
    const bool digits = !word.empty() && word.size() < 10 && word.find_first_not_of("0123456789") == std::string::npos;
    const std::int64_t number = digits ? std::stoll(word) : 0;
    if (number < 1) throw UsageError("--" + name + " must be a whole number of at least 1, not \"" + word + "\"");
    return number;
  }

  /// Throws UsageError naming an option that nobody read.
  void check_all_read() const {
    if (!values_.empty()) throw UsageError("--" + values_.begin()->first + " is not known here");
  }

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace amalgam::tools
