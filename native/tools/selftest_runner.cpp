#include "tools/selftest_runner.h"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "runner.h"

namespace amalgam::tools {

namespace {

std::string scratch;  // reached by the checks, which get no argument of ours

}  // namespace

SelftestFolder::SelftestFolder() {
  scratch = (std::filesystem::temp_directory_path() / "amalgam-selftest-XXXXXX").string();
  if (::mkdtemp(scratch.data()) == nullptr) throw std::runtime_error("there is no folder for temporary files");
}

SelftestFolder::~SelftestFolder() {
  std::error_code ignored;  // a folder left behind in the system's temporary place spoils no result
  std::filesystem::remove_all(scratch, ignored);
}

}  // namespace amalgam::tools

namespace amalgam::test {

Registration::Registration(const char*, std::function<void()>) {}

const std::string& scratch_folder() { return tools::scratch; }

void fail(const std::string& what, std::source_location where) {
  throw std::runtime_error(what + " (" + std::filesystem::path(where.file_name()).filename().string() + ":" +
                           std::to_string(where.line()) + ")");
}

void skip(const std::string& reason) { throw std::runtime_error("skipped: " + reason); }

core::Error check_error(const std::string& code, const std::function<void()>& action, std::source_location where) {
  try {
    action();
  } catch (const core::Error& error) {
    if (error.code == code) return error;
    fail("expected the error " + code + ", got " + error.code, where);
  }
  fail("expected the error " + code + ", got none", where);
}

}  // namespace amalgam::test
