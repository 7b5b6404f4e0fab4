// Reading rows, writing, and what was written read back.
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/bf16.h"
#include "core/safetensors.h"
#include "core/thread_pool.h"
#include "runner.h"
#include "safetensors_files.h"

using namespace amalgam::core;
using namespace amalgam::test;

namespace {

std::string out_path() { return scratch_folder() + "/out.safetensors"; }

std::vector<float> ramp(std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = std::sin(static_cast<float>(i)) * 3.0f;
  return values;
}

float rounded(DType dtype, float value) {
  if (dtype == DType::BF16) return bf16_to_f32(f32_to_bf16(value));
  if (dtype == DType::F16) return f16_to_f32(f32_to_f16(value));
  return value;
}

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST("round trip in every output type, across the size of a conversion chunk") {
  // 70,001 elements: more than one chunk of the writer (65,536), and no multiple of anything.
  const std::vector<float> large = ramp(70'001);
  const std::vector<float> small = ramp(6);
  for (const DType dtype : {DType::F32, DType::BF16, DType::F16}) {
    {
      SafetensorsWriter writer(out_path(), {{"z", dtype, {70'001, 1}}, {"a", dtype, {2, 3}}}, {{"format", "pt"}});
      writer.write_f32("z", large.data());
      writer.write_f32("a", small.data());
      writer.finish();
      CHECK_EQ(writer.bytes_written(), std::filesystem::file_size(out_path()));
    }
    const SafetensorsReader reader(out_path());
    CHECK_EQ(reader.tensors()[0].name, "a");
    CHECK(reader.at("z").dtype == dtype);
    CHECK(reader.metadata() == (Metadata{{"format", "pt"}}));
    std::vector<float> back(large.size());
    reader.read_f32(reader.at("z"), back.data());
    for (std::size_t i = 0; i < back.size(); ++i) CHECK_EQ(back[i], rounded(dtype, large[i]));
    reader.read_f32("a", 1, 1, back.data());
    for (std::size_t i = 0; i < 3; ++i) CHECK_EQ(back[i], rounded(dtype, small[3 + i]));
    reader.check_unchanged();
    std::filesystem::remove(out_path());
  }
}

TEST("the exact bytes of a small file") {
  {
    SafetensorsWriter writer(out_path(), {{"b", DType::BF16, {1}}, {"a", DType::F32, {1, 2}}}, {{"format", "pt"}});
    const float a[] = {1.0f, -2.0f};
    const float b[] = {0.5f};
    writer.write_f32("b", b);
    writer.write_f32("a", a);
    writer.finish();
  }
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},)"
      R"("b":{"dtype":"BF16","shape":[1],"data_offsets":[8,10]}})";
  const std::string padded = header + std::string((8 - header.size() % 8) % 8, ' ');
  const std::string data("\x00\x00\x80\x3f\x00\x00\x00\xc0\x00\x3f", 10);
  CHECK_EQ(content_of(out_path()), length_prefix(padded.size()) + padded + data);
}

TEST("parts in any order, from several threads, give the same file") {
  const std::vector<float> values = ramp(1000);
  const auto write = [&](const std::string& path, int threads) {
    SafetensorsWriter writer(path, {{"a", DType::F16, {100, 10}}}, {});
    ThreadPool pool(threads);
    pool.parallel_for(100, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t row = end - 1; row >= begin; --row) writer.write_f32("a", row, 1, values.data() + row * 10);
    });
    writer.finish();
  };
  write(out_path(), 1);
  write(out_path() + "4", 4);
  CHECK_EQ(content_of(out_path()), content_of(out_path() + "4"));
}

TEST("an unfinished file is removed, a finished one stays") {
  const float value = 1.0f;
  {
    SafetensorsWriter writer(out_path(), {{"a", DType::F32, {1}}}, {});
    writer.write_f32("a", &value);
    CHECK(std::filesystem::exists(out_path()));
  }
  CHECK(!std::filesystem::exists(out_path()));
}

TEST("finishing without all the tensors is a bug that is told, and leaves no file") {
  bool told = false;
  {
    SafetensorsWriter writer(out_path(), {{"a", DType::F32, {2}}}, {});
    const float value = 1.0f;
    writer.write_f32("a", 0, 1, &value);
    try {
      writer.finish();
    } catch (const std::logic_error&) {
      told = true;
    }
  }
  CHECK(told);
  CHECK(!std::filesystem::exists(out_path()));
}

TEST("plans that cannot be written") {
  CHECK_ERROR("request-invalid", SafetensorsWriter(out_path(), {{"a", DType::F32, {1}}, {"a", DType::F32, {1}}}, {}));
  CHECK_ERROR("request-invalid", SafetensorsWriter(out_path(), {{"a", DType::F64, {1}}}, {}));
  CHECK_ERROR("request-invalid", SafetensorsWriter(out_path(), {{"a", DType::F32, {-1}}}, {}));
  CHECK_ERROR("request-invalid", SafetensorsWriter(out_path(), {{"a", DType::F32, {1LL << 40, 1LL << 40}}}, {}));
  CHECK(!std::filesystem::exists(out_path()));
}

TEST("rows that a tensor does not have") {
  const std::string path = save_with_header(R"({"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}})", 16);
  const SafetensorsReader reader(path);
  std::vector<float> rows(8);
  for (const auto& [first, count] : {std::pair{0, 3}, {2, 1}, {-1, 1}, {0, -1}, {3, 0}}) {
    CHECK_EQ(CHECK_ERROR("shape-mismatch", reader.read_f32("a", first, count, rows.data())).tensor, "a");
  }
  reader.read_f32("a", 2, 0, rows.data());
  CHECK_ERROR("shape-mismatch", reader.read_raw(reader.at("a"), 10, 7, rows.data()));
  CHECK_ERROR("shape-mismatch", reader.read_raw(reader.at("a"), ~std::uint64_t{0}, 2, rows.data()));

  SafetensorsWriter writer(out_path(), {{"a", DType::F32, {2, 2}}}, {});
  CHECK_ERROR("shape-mismatch", writer.write_f32("a", 1, 2, rows.data()));
  CHECK_ERROR("tensor-missing", writer.write_f32("b", 0, 1, rows.data()));
}

TEST("numbers that are not finite, or stop being so by rounding, are not written") {
  const auto write = [](DType dtype, float value) {
    std::filesystem::remove(out_path());
    SafetensorsWriter writer(out_path(), {{"a", dtype, {1}}}, {});
    writer.write_f32("a", &value);
  };
  const float infinity = std::numeric_limits<float>::infinity();
  for (const DType dtype : {DType::F32, DType::BF16, DType::F16}) {
    CHECK_EQ(CHECK_ERROR("not-finite", write(dtype, std::nanf(""))).tensor, "a");
    CHECK_ERROR("not-finite", write(dtype, -infinity));
  }
  CHECK_EQ(CHECK_ERROR("not-finite", write(DType::F16, 70'000.0f)).hint, "Write bfloat16 or float32 instead.");
  CHECK_ERROR("not-finite", write(DType::BF16, std::numeric_limits<float>::max()));
  write(DType::F16, 65'504.0f);
  write(DType::F32, std::numeric_limits<float>::max());
}

TEST("types that factors cannot have") {
  const std::string path = save_with_header(R"({"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}})", 8);
  const SafetensorsReader reader(path);
  float value = 0.0f;
  CHECK_EQ(CHECK_ERROR("unknown-dtype", reader.read_f32("a", 0, 1, &value)).path, path);
}

TEST("f64 tensors are read") {
  const double stored[] = {0.1, -3.0};
  const std::string header = R"({"a":{"dtype":"F64","shape":[2],"data_offsets":[0,16]}})";
  const SafetensorsReader reader(
      save(length_prefix(header.size()) + header + std::string(reinterpret_cast<const char*>(stored), 16)));
  float read[2];
  reader.read_f32(reader.at("a"), read);
  CHECK_EQ(read[0], 0.1f);
  CHECK_EQ(read[1], -3.0f);
}

TEST("a file that is cut while it is read") {
  const std::string path = save_with_header(R"({"a":{"dtype":"F32","shape":[1000],"data_offsets":[0,4000]}})", 4000);
  const SafetensorsReader reader(path);
  CHECK_EQ(::truncate(path.c_str(), 1000), 0);
  std::vector<float> values(1000);
  CHECK_ERROR("file-changed", reader.read_f32(reader.at("a"), values.data()));
}

TEST("a reader that is moved keeps finding its tensors") {
  std::vector<SafetensorsReader> readers;
  readers.emplace_back(save_with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4));
  readers.reserve(100);
  CHECK_EQ(readers.front().at("a").name, "a");
  float value = 1.0f;
  readers.front().read_f32("a", 0, 1, &value);
  CHECK_EQ(value, 0.0f);
}
