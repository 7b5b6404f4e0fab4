// The file of results: whole lines only, whatever ended the writing before.
#include <fstream>
#include <iterator>
#include <string>

#include "core/journal.h"
#include "runner.h"

using namespace amalgam;
using core::Json;
using core::Journal;

namespace {

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

const Json first = Json::object({{"item", 1}});
const Json second = Json::object({{"item", 2}});

}  // namespace

TEST("lines are appended to what is there") {
  const std::string path = test::scratch_folder() + "/lines";
  Journal(path).append({first});
  Journal(path).append({second, first});
  Journal(path).append({});
  CHECK_EQ(content(path), "{\"item\":1}\n{\"item\":2}\n{\"item\":1}\n");
}

TEST("a torn last line is cut off, however long it is") {
  const std::string path = test::scratch_folder() + "/lines";
  for (const std::size_t length : {std::size_t{1}, std::size_t{4095}, std::size_t{4096}, std::size_t{9000}}) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << "{\"item\":1}\n" << std::string(length, 'x');
    Journal(path).append({second});
    CHECK_EQ(content(path), "{\"item\":1}\n{\"item\":2}\n");
    std::ofstream(path, std::ios::binary | std::ios::trunc) << std::string(length, 'x');
    Journal(path).append({second});
    CHECK_EQ(content(path), "{\"item\":2}\n");
  }
}

TEST("a file that cannot be written is refused by its path") {
  const std::string path = test::scratch_folder() + "/missing/lines";
  CHECK_EQ(CHECK_ERROR("write-failed", Journal(path)).path, path);
  CHECK_ERROR("write-failed", Journal("/dev/null"));
}
