// Hundreds of thousands of damaged files. Under the sanitizers this says that no file makes the reader touch memory that
// is not its own; everywhere it says that a file is either refused with one of the known codes, or is what its header
// promises, that nothing outside the file is read, and that no file takes long.
//
// AMALGAM_FUZZ_CASES and AMALGAM_FUZZ_SEED choose another run; AMALGAM_FUZZ_REPORT names a file for its figures, and
// AMALGAM_FUZZ_VERDICTS one for each header with the answer to it, which the reader in TypeScript is compared with.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/safetensors.h"
#include "runner.h"
#include "safetensors_files.h"
#include "safetensors_mutations.h"

using namespace amalgam::core;
using namespace amalgam::test;

namespace {

constexpr std::array<std::string_view, 8> header_codes{"header-not-json", "header-duplicate-key",   "header-invalid",
                                                       "unknown-dtype",   "tensor-offsets-invalid", "tensor-overlap",
                                                       "tensor-hole",     "too-many-tensors"};
constexpr std::array<std::string_view, 2> file_codes{"file-too-small", "header-too-long"};

template <typename List>
bool is_among(const List& list, std::string_view code) {
  return std::find(list.begin(), list.end(), code) != list.end();
}

std::uint64_t from_environment(const char* name, std::uint64_t usual) {
  const char* text = std::getenv(name);
  return text == nullptr ? usual : std::strtoull(text, nullptr, 10);
}

/// Time that this thread computed: what a busy machine takes from it does not count.
double thread_seconds() {
  timespec now{};
  CHECK_EQ(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now), 0);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// What a header that was accepted promises.
void check_promises(const SafetensorsHeader& header, std::uint64_t data_bytes) {
  std::uint64_t covered = 0;
  for (const TensorInfo& tensor : header.tensors) {
    CHECK_EQ(tensor.begin, covered);
    CHECK(tensor.end >= tensor.begin);
    CHECK(tensor.shape.size() <= max_tensor_rank);
    const auto bits =
        static_cast<std::uint64_t>(tensor.elements()) * static_cast<std::uint64_t>(dtype_bits(tensor.dtype));
    CHECK_EQ((tensor.end - tensor.begin) * 8, bits);
    covered = tensor.end;
  }
  CHECK_EQ(covered, data_bytes);
}

/// "" when the header is accepted and keeps its promises, else the code with which it is refused.
std::string header_verdict(const FuzzFile& file) {
  // Exactly as large as the text, so that a sanitizer sees the first byte read beyond it.
  const std::vector<char> exact(file.header.begin(), file.header.end());
  try {
    check_promises(parse_safetensors_header({exact.data(), exact.size()}, file.data.size()), file.data.size());
    return {};
  } catch (const Error& error) {
    return error.code;
  }
}

/// A file that holds one case after the other, in memory where the system can.
class CaseFile {
 public:
  CaseFile() {
#ifdef __linux__
    descriptor_ = ::memfd_create("amalgam-fuzz", MFD_CLOEXEC);
    path_ = "/proc/self/fd/" + std::to_string(descriptor_);
#else
    path_ = scratch_folder() + "/case.safetensors";
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
#endif
    CHECK(descriptor_ >= 0);
  }
  ~CaseFile() { ::close(descriptor_); }
  CaseFile(const CaseFile&) = delete;
  CaseFile& operator=(const CaseFile&) = delete;

  const std::string& hold(const std::string& bytes) {
    CHECK_EQ(::ftruncate(descriptor_, 0), 0);
    CHECK_EQ(::pwrite(descriptor_, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    return path_;
  }

 private:
  int descriptor_ = -1;
  std::string path_;
};

/// The same for the whole file, every tensor read. A read outside a file that nobody changes ends as "file-changed",
/// which is no code that a broken file may have.
std::string file_verdict(const std::string& path, std::vector<char>& raw, std::vector<float>& values) {
  try {
    const SafetensorsReader reader(path);
    for (const TensorInfo& tensor : reader.tensors()) {
      raw.resize(static_cast<std::size_t>(tensor.end - tensor.begin));
      reader.read_raw(tensor, 0, raw.size(), raw.data());
      if (!is_readable_float(tensor.dtype)) continue;
      values.resize(static_cast<std::size_t>(tensor.elements()));
      reader.read_f32(tensor, values.data());
    }
    reader.check_unchanged();
    return {};
  } catch (const Error& error) {
    return error.code;
  }
}

struct Figures {
  std::uint64_t accepted = 0;
  std::map<std::string, std::uint64_t> refused;
  double slowest_seconds = 0.0;
  std::uint64_t slowest_case = 0;
};

void write_verdict(std::ofstream& out, const FuzzFile& file, const std::string& code) {
  const auto number = [&](std::uint64_t value) { out << length_prefix(value); };
  number(file.header.size());
  number(file.data.size());
  number(code.size());
  out << file.header << code;
}

void write_report(const char* path, const Figures& figures, std::uint64_t cases, std::uint64_t seed, double seconds) {
  std::ofstream out(path);
  out << "{\"cases\":" << cases << ",\"seed\":" << seed << ",\"seconds\":" << seconds
      << ",\"accepted\":" << figures.accepted << ",\"slowestCaseSeconds\":" << figures.slowest_seconds
      << ",\"slowestCase\":" << figures.slowest_case << ",\"refused\":{";
  const char* comma = "";
  for (const auto& [code, count] : figures.refused) {
    out << comma << in_quotes(code) << ":" << count;
    comma = ",";
  }
  out << "}}\n";
}

}  // namespace

TEST("damaged files are refused with a known code, or are what they promise") {
  using Clock = std::chrono::steady_clock;
  const std::uint64_t cases = from_environment("AMALGAM_FUZZ_CASES", 200'000);
  const std::uint64_t seed = from_environment("AMALGAM_FUZZ_SEED", 1);
  const char* verdicts = std::getenv("AMALGAM_FUZZ_VERDICTS");
  std::ofstream verdict_file(verdicts == nullptr ? "" : verdicts, std::ios::binary);
  CaseFile file;
  std::vector<char> raw;
  std::vector<float> values;
  Figures figures;
  const auto begin = Clock::now();
  for (std::uint64_t number = 0; number < cases; ++number) {
    const FuzzFile made = fuzz_file(seed, number);
    const std::string& path = file.hold(made.bytes());
    const double case_begin = thread_seconds();
    const std::string header_code = header_verdict(made);
    const std::string file_code = file_verdict(path, raw, values);
    const double took = thread_seconds() - case_begin;
    if (took > figures.slowest_seconds) {
      figures.slowest_seconds = took;
      figures.slowest_case = number;
    }
    const bool known = (header_code.empty() || is_among(header_codes, header_code)) &&
                       (file_code.empty() || is_among(header_codes, file_code) || is_among(file_codes, file_code));
    const bool lengths_hold = made.claimed_header_bytes == made.header.size() && made.kept_bytes >= made.full_bytes();
    if (!known || took > 1.0 || (lengths_hold && file_code != header_code) || (made.intact && !file_code.empty())) {
      fail("case " + std::to_string(number) + " of seed " + std::to_string(seed) + ": header \"" + header_code +
               "\", file \"" + file_code + "\" in " + std::to_string(took) + " s",
           AMALGAM_HERE);
    }
    if (verdicts != nullptr) write_verdict(verdict_file, made, header_code);
    if (file_code.empty()) {
      ++figures.accepted;
    } else {
      ++figures.refused[file_code];
    }
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  std::printf("fuzz: %llu cases of seed %llu in %.1f s, %llu accepted, slowest %.4f s\n",
              static_cast<unsigned long long>(cases), static_cast<unsigned long long>(seed), seconds,
              static_cast<unsigned long long>(figures.accepted), figures.slowest_seconds);
  if (const char* report = std::getenv("AMALGAM_FUZZ_REPORT")) write_report(report, figures, cases, seed, seconds);
  if (cases < 10'000) return;
  CHECK(figures.accepted > cases / 10);
  for (const std::string_view code : header_codes) {
    // A million tensors take longer than a case may.
    if (code != "too-many-tensors") CHECK(figures.refused[std::string(code)] > 10);
  }
  for (const std::string_view code : file_codes) CHECK(figures.refused[std::string(code)] > 10);
}

TEST("random layouts are accepted exactly when every byte belongs to one tensor") {
  std::uint64_t accepted = 0;
  for (std::uint64_t number = 0; number < 20'000; ++number) {
    Random random(2'000'000 + number);
    const std::size_t data_bytes = below(random, 9);
    std::vector<int> owners(data_bytes, 0);
    std::string header = "{";
    bool sound = true;
    std::size_t next = 0;  // mostly where the last one ended, so that sound layouts come up
    for (std::size_t tensor = 0, count = below(random, 5); tensor < count; ++tensor) {
      const std::size_t begin = random() % 8 == 0 ? below(random, 10) : next;
      const std::size_t rest = data_bytes - std::min(begin, data_bytes);
      const std::size_t size = random() % 4 == 0 ? below(random, 5) : tensor + 1 == count ? rest : 2;
      next = begin + size;
      header += (tensor > 0 ? ",\"" : "\"") + std::to_string(tensor) + R"(":{"dtype":"U8","shape":[)" +
                std::to_string(size) + R"(],"data_offsets":[)" + std::to_string(begin) + "," + std::to_string(next) +
                "]}";
      if (next > data_bytes) sound = false;
      for (std::size_t byte = begin; byte < std::min(next, data_bytes); ++byte) ++owners[byte];
    }
    for (const int owner_count : owners) sound = sound && owner_count == 1;
    header += "}";
    std::string code;
    SafetensorsHeader parsed;
    try {
      parsed = parse_safetensors_header(header, data_bytes);
    } catch (const Error& error) {
      code = error.code;
    }
    if (code.empty()) {
      CHECK(sound);
      check_promises(parsed, data_bytes);
      ++accepted;
    } else if (sound) {
      CHECK_EQ(code, "tensor-overlap");  // an empty tensor inside another one
      CHECK(header.find("[0]") != std::string::npos);
    }
  }
  CHECK(accepted > 2'000);
}
