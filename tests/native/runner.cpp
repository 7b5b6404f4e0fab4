#include "runner.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

namespace amalgam::test {

namespace {

struct Case {
  const char* name;
  std::function<void()> body;
};

struct Failed : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct Skipped : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Filled before main by the TEST rows of this executable.
std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

std::string& scratch() {
  static std::string folder;
  return folder;
}

/// A fresh folder for one test.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "amalgam-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder for temporary files");
    scratch() = pattern;
  }
  ~ScratchFolder() {
    std::error_code ignored;  // a folder left behind in the system's temporary place spoils no result
    std::filesystem::remove_all(scratch(), ignored);
  }
};

}  // namespace

Registration::Registration(const char* name, std::function<void()> body) { cases().push_back({name, std::move(body)}); }

const std::string& scratch_folder() { return scratch(); }

void fail(const std::string& what, std::source_location where) {
  throw Failed(what + " (" + std::filesystem::path(where.file_name()).filename().string() + ":" +
               std::to_string(where.line()) + ")");
}

void skip(const std::string& reason) { throw Skipped(reason); }

core::Error check_error(const std::string& code, const std::function<void()>& action, std::source_location where) {
  try {
    action();
  } catch (const core::Error& error) {
    if (error.code != code) fail("expected error " + code + ", got " + error.code + ": " + error.what(), where);
    return error;
  }
  fail("expected error " + code + ", but nothing was thrown", where);
}

/// Runs every test whose name contains `filter`; returns the exit status. The last line printed is
/// "<program>: N passed, N failed, N skipped".
int run_all(std::string_view program, std::string_view filter) {
  int passed = 0;
  int failed = 0;
  int skipped = 0;
  for (const Case& test : cases()) {
    if (std::string_view(test.name).find(filter) == std::string_view::npos) continue;
    try {
      const ScratchFolder folder;
      test.body();
      ++passed;
    } catch (const Skipped& reason) {
      ++skipped;
      std::printf("skipped: %s: %s\n", test.name, reason.what());
    } catch (const core::Error& error) {
      ++failed;
      std::printf("FAILED: %s: error %s: %s %s\n", test.name, error.code.c_str(), error.what(), error.tensor.c_str());
    } catch (const std::exception& error) {
      ++failed;
      std::printf("FAILED: %s: %s\n", test.name, error.what());
    }
    std::fflush(stdout);
  }
  std::printf("%s: %d passed, %d failed, %d skipped\n", std::string(program).c_str(), passed, failed, skipped);
  return failed == 0 && passed + skipped > 0 ? 0 : 1;
}

}  // namespace amalgam::test

int main(int count, char** arguments) {
  const std::string program = std::filesystem::path(arguments[0]).filename().string();
  return amalgam::test::run_all(program, count > 1 ? arguments[1] : "");
}
