// Tens of thousands of damaged files. Under the sanitizers this says that no header makes the reader touch memory that
// is not its own; everywhere it says that a header is either refused with one of the known codes, or describes the
// file.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/safetensors.h"
#include "runner.h"
#include "safetensors_files.h"

using namespace amalgam::core;
using namespace amalgam::test;

namespace {

using Random = std::mt19937_64;  // its sequence is fixed by the standard, so that a seed names a case on every machine

constexpr std::array<std::string_view, 8> known_codes{"header-not-json", "header-duplicate-key",   "header-invalid",
                                                      "unknown-dtype",   "tensor-offsets-invalid", "tensor-overlap",
                                                      "tensor-hole",     "too-many-tensors"};

struct Seed {
  std::string header;
  std::uint64_t data_bytes;
};

const std::vector<Seed>& seeds() {
  static const std::vector<Seed> all{
      {"{}", 0},
      {R"({"__metadata__":{"format":"pt"},"a.lora_A.weight":{"dtype":"F32","shape":[2,4],"data_offsets":[0,32]},)"
       R"("a.lora_B.weight":{"dtype":"BF16","shape":[4,2],"data_offsets":[32,48]}}   )",
       48},
      {R"({"x":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"\u00e9\ud83d\ude00":{"dtype":"F4","shape":[2,1],)"
       R"("data_offsets":[1,2]},"z":{"dtype":"I64","shape":[0,3],"data_offsets":[2,2]}})",
       2},
      {R"({"q":{"dtype":"F64","shape":[1,1,1,1,1,1,1,1],"data_offsets":[0,8]}})", 8},
  };
  return all;
}

const std::vector<std::string>& fragments() {
  static const std::vector<std::string> all{"{",
                                            "}",
                                            "[",
                                            "]",
                                            ",",
                                            ":",
                                            "\"",
                                            "\\",
                                            "\\u",
                                            "\\ud800",
                                            "-",
                                            "-1",
                                            "0",
                                            "1e9",
                                            "1e999",
                                            "2.5",
                                            "[0,0]",
                                            "null",
                                            "9223372036854775807",
                                            "9223372036854775808",
                                            "18446744073709551615",
                                            "4294967296",
                                            "\"dtype\"",
                                            "\"shape\"",
                                            "\"data_offsets\"",
                                            "\"__metadata__\"",
                                            "\"F32\"",
                                            "\"F4\"",
                                            "\xff",
                                            "\xc0\xaf",
                                            "\xed\xa0\x80",
                                            std::string(1, '\0'),
                                            "                ",
                                            "[[[[[[[[[[[[[[[[",
                                            "{\"a\":{\"a\":{\"a\":",
                                            "\n"};
  return all;
}

std::size_t below(Random& random, std::size_t limit) { return static_cast<std::size_t>(random() % limit); }

void mutate(std::string& text, Random& random) {
  const std::size_t place = text.empty() ? 0 : below(random, text.size());
  switch (random() % 7) {
    case 0:
      if (!text.empty()) text[place] = static_cast<char>(random());
      return;
    case 1:
      if (!text.empty()) text[place] = static_cast<char>(text[place] ^ (1 << (random() % 8)));
      return;
    case 2: text.erase(place, 1 + below(random, 8)); return;
    case 3: text.insert(place, fragments()[below(random, fragments().size())]); return;
    case 4: text.insert(place, text.substr(below(random, text.size() + 1), below(random, 60))); return;
    case 5: text.resize(below(random, text.size() + 1)); return;
    default: {
      const std::string& fragment = fragments()[below(random, fragments().size())];
      text.replace(place, std::min(fragment.size(), text.size() - place), fragment);
    }
  }
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

bool is_known(std::string_view code) {
  for (const std::string_view known : known_codes) {
    if (known == code) return true;
  }
  return false;
}

}  // namespace

TEST("mutated headers are refused with a known code, or keep every promise") {
  const auto stop = std::chrono::steady_clock::now() + std::chrono::seconds(4);
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  constexpr std::uint64_t cases = 60'000;
  for (std::uint64_t number = 0; number < cases; ++number) {
    if (number >= 20'000 && std::chrono::steady_clock::now() > stop) break;  // a slow machine does the first part only
    Random random(number);
    const Seed& seed = seeds()[number % seeds().size()];
    std::string header = seed.header;
    const std::size_t mutations = 1 + below(random, 4);
    for (std::size_t i = 0; i < mutations; ++i) mutate(header, random);
    const std::uint64_t data_bytes = random() % 16 == 0 ? random() % 64 : seed.data_bytes;
    // Exactly as large as the text, so that a sanitizer sees the first byte read beyond it.
    const std::vector<char> exact(header.begin(), header.end());
    try {
      check_promises(parse_safetensors_header({exact.data(), exact.size()}, data_bytes), data_bytes);
      ++accepted;
    } catch (const Error& error) {
      if (!is_known(error.code)) throw;
      ++refused;
    }
  }
  CHECK(accepted > 100);
  CHECK(refused > 10'000);
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

TEST("mutated files: prefix, header and data") {
  for (std::uint64_t number = 0; number < 1'500; ++number) {
    Random random(1'000'000 + number);
    const Seed& seed = seeds()[number % seeds().size()];
    std::string file = length_prefix(seed.header.size()) + seed.header + std::string(seed.data_bytes, 'x');
    const std::size_t mutations = 1 + below(random, 3);
    for (std::size_t i = 0; i < mutations; ++i) mutate(file, random);
    if (random() % 3 == 0 && file.size() >= 8) file[below(random, 8)] = static_cast<char>(random());
    try {
      const SafetensorsReader reader(save(file));
      std::vector<char> bytes;
      for (const TensorInfo& tensor : reader.tensors()) {
        bytes.resize(static_cast<std::size_t>(tensor.end - tensor.begin));
        reader.read_raw(tensor, 0, bytes.size(), bytes.data());
        if (!is_readable_float(tensor.dtype)) continue;
        std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
        reader.read_f32(tensor, values.data());
      }
    } catch (const Error& error) {
      if (!is_known(error.code) && error.code != "file-too-small" && error.code != "header-too-long") throw;
    }
  }
}
