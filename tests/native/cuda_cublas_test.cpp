// Finding and opening cuBLAS, with a library in its place.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "ops/cuda/cublas_library.h"
#include "runner.h"

using namespace amalgam;
using ops::CublasLibrary;

namespace {

const std::string fake = FAKE_CUBLAS_DIR "/libcublas.so.13";

/// An environment variable for the length of a test.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    const char* before = std::getenv(name);
    if (before != nullptr) before_ = before;
    had_one_ = before != nullptr;
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() { had_one_ ? ::setenv(name_, before_.c_str(), 1) : ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::string before_;
  bool had_one_ = false;
};

bool contains(const std::vector<std::string>& files, const std::string& file) {
  return std::find(files.begin(), files.end(), file) != files.end();
}

void touch(const std::filesystem::path& file) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file) << "not a library";
}

}  // namespace

TEST("a library with the functions opens, and they compute") {
  const CublasLibrary cublas = ops::open_cublas({"libcublas.so.of-no-version", fake});
  CHECK_EQ(cublas.file, fake);
  CHECK_EQ(cublas.reason, "");
  void* handle = nullptr;
  CHECK_EQ(cublas.functions.create(&handle), 0);
  const float a[2] = {2, 3};
  const float b[2] = {10, 100};
  const float one = 1;
  const float zero = 0;
  float c = -1;
  CHECK_EQ(cublas.functions.gemm_ex(handle, 1, 0, 1, 1, 2, &one, a, 0, 2, b, 0, 2, &zero, &c, 0, 1, 68, -1), 0);
  CHECK_EQ(c, 320.0f);
  CHECK_EQ(cublas.functions.destroy(handle), 0);
}

TEST("what is no cuBLAS is passed over, and the reason names it and the variable") {
  const std::string broken = amalgam::test::scratch_folder() + "/libcublas.so.13";
  touch(broken);
  CHECK_EQ(ops::open_cublas({broken, fake}).file, fake);
  const CublasLibrary none = ops::open_cublas({broken});
  CHECK_EQ(none.file, "");
  CHECK(none.reason.find(broken) != std::string::npos);
  CHECK(none.reason.find("AMALGAM_CUBLAS") != std::string::npos);
  CHECK(none.functions.gemm_ex == nullptr);
  const CublasLibrary other = ops::open_cublas({"libm.so.6"});
  CHECK(other.reason.find("libm.so.6 lacks a function") != std::string::npos);
  CHECK(ops::open_cublas({"libcublas.so.of-no-version"}).reason.find("not found") != std::string::npos);
}

TEST("AMALGAM_CUBLAS names a file or a folder, and then nothing else is tried") {
  {
    const Variable set("AMALGAM_CUBLAS", fake);
    CHECK(ops::cublas_candidates() == std::vector<std::string>{fake});
  }
  {
    const Variable set("AMALGAM_CUBLAS", FAKE_CUBLAS_DIR);
    CHECK(ops::cublas_candidates() == std::vector<std::string>{fake});
  }
  const Variable set("AMALGAM_CUBLAS", "/nowhere/libcublas.so.13");
  CHECK(ops::cublas_candidates() == std::vector<std::string>{"/nowhere/libcublas.so.13"});
}

TEST("the loader's path comes first, then toolkits, then the packages beside Python") {
  const std::filesystem::path folder = amalgam::test::scratch_folder();
  const std::string toolkit = folder / "toolkit/lib64/libcublas.so.12";
  const std::string wheel = folder / "env/lib/python3.12/site-packages/nvidia/cu13/lib/libcublas.so.13";
  const std::string older_wheel = folder / "env/lib/python3.12/site-packages/nvidia/cublas/lib/libcublas.so.12";
  for (const std::string& file : {toolkit, wheel, older_wheel}) touch(file);
  const Variable none("AMALGAM_CUBLAS", "");
  const Variable home("CUDA_HOME", folder / "toolkit");
  const Variable environment("VIRTUAL_ENV", folder / "env");
  const std::vector<std::string> files = ops::cublas_candidates();
  CHECK_EQ(files[0], "libcublas.so.13");
  CHECK_EQ(files[2], "libcublas.so.11");
  for (const std::string& file : {toolkit, wheel, older_wheel}) CHECK(contains(files, file));
  const auto place = [&](const std::string& file) { return std::find(files.begin(), files.end(), file); };
  CHECK(place(toolkit) < place(wheel));
  CHECK(place(wheel) < place(older_wheel));
}
