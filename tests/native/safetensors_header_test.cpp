// Every rule about hostile and broken headers, each with its error code.
#include <string>

#include "core/safetensors.h"
#include "runner.h"
#include "safetensors_files.h"

using namespace amalgam::core;
using namespace amalgam::test;

namespace {

/// A header with one F32 tensor "a" of shape [2,2], with one part exchanged.
std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"a":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

Error refuse(const std::string& code, const std::string& header, std::size_t data_bytes) {
  const std::string path = save_with_header(header, data_bytes);
  const Error error = CHECK_ERROR(code, SafetensorsReader(path));
  CHECK_EQ(error.path, path);
  return error;
}

std::string two(const std::string& first_offsets, const std::string& second_offsets) {
  return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + first_offsets +
         R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + second_offsets + "}}";
}

}  // namespace

TEST("a sound file") {
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2,3],"data_offsets":[4,28]},)"
      R"("a":{"shape":[],"data_offsets":[0,4],"dtype":"F32"}}   )";
  const SafetensorsReader reader(save_with_header(header, 28));
  CHECK_EQ(reader.tensors().size(), 2u);
  CHECK_EQ(reader.tensors()[0].name, "a");
  CHECK_EQ(reader.at("b").rows(), 2);
  CHECK_EQ(reader.at("b").row_length(), 3);
  CHECK_EQ(reader.at("a").elements(), 1);
  CHECK_EQ(reader.at("a").rows(), 1);
  CHECK(reader.find("c") == nullptr);
  CHECK_EQ(CHECK_ERROR("tensor-missing", reader.at("c")).tensor, "c");
  CHECK_EQ(reader.metadata().size(), 1u);
  CHECK_EQ(reader.metadata()[0].second, "pt");
}

TEST("no tensors at all is a sound file") {
  CHECK_EQ(SafetensorsReader(save_with_header("{}", 0)).tensors().size(), 0u);
}

TEST("files shorter than the length prefix") {
  for (const std::size_t size : {0u, 1u, 7u})
    CHECK_ERROR("file-too-small", SafetensorsReader(save(std::string(size, '\0'))));
}

TEST("headers longer than the file or the limit") {
  CHECK_ERROR("header-too-long", SafetensorsReader(save(length_prefix(3) + "{}")));
  CHECK_ERROR("header-too-long", SafetensorsReader(save(length_prefix(100'000'001) + "{}")));
  CHECK_ERROR("header-too-long", SafetensorsReader(save(length_prefix(~std::uint64_t{0}) + "{}")));
  CHECK_ERROR("header-too-long", SafetensorsReader(save(length_prefix(~std::uint64_t{0} - 7) + "{}")));
}

TEST("headers that are no JSON object") {
  for (const char* header : {"", " {}", "[]", "null", "x", "{", "{]", "{\"a\":", "{}x", "{\"a\" 1}"}) {
    refuse("header-not-json", header, 0);
  }
  CHECK_ERROR("header-not-json", SafetensorsReader(save(length_prefix(0))));
}

TEST("names that are not UTF-8") {
  refuse("header-not-json", "{\"\xff\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0);
  refuse("header-not-json", "{\"\xc0\x80\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0);
  refuse("header-not-json", "{\"\\ud800\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0);
}

TEST("keys twice: tensors, parts of an entry, metadata") {
  const std::string a = R"("a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]})";
  refuse("header-duplicate-key", "{" + a + "," + a + "}", 4);
  refuse("header-duplicate-key", "{" + a + R"(,"\u0061":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})", 8);
  refuse("header-duplicate-key", R"({"a":{"dtype":"U8","dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 4);
  refuse("header-duplicate-key", R"({"a":{"dtype":"U8","shape":[4],"shape":[4],"data_offsets":[0,4]}})", 4);
  refuse("header-duplicate-key", R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"data_offsets":[0,4]}})", 4);
  refuse("header-duplicate-key", R"({"__metadata__":{},"__metadata__":{}})", 0);
  refuse("header-duplicate-key", R"({"__metadata__":{"x":"1","x":"2"}})", 0);
}

TEST("entries of the wrong form") {
  for (const char* header :
       {R"({"a":1})", R"({"a":null})", R"({"a":{}})", R"({"a":{"dtype":"U8","shape":[4]}})",
        R"({"a":{"dtype":"U8","data_offsets":[0,4]}})", R"({"a":{"shape":[4],"data_offsets":[0,4]}})",
        R"({"a":{"dtype":8,"shape":[4],"data_offsets":[0,4]}})",
        R"({"a":{"dtype":"U8","shape":4,"data_offsets":[0,4]}})",
        R"({"a":{"dtype":"U8","shape":["4"],"data_offsets":[0,4]}})",
        R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"extra":{}}})", R"({"__metadata__":[]})",
        R"({"__metadata__":{"x":1}})", R"({"__metadata__":{"x":{}}})"}) {
    refuse("header-invalid", header, 4);
  }
}

TEST("unknown types") {
  CHECK_EQ(refuse("unknown-dtype", entry("F33", "[2,2]", "[0,16]"), 16).tensor, "a");
  refuse("unknown-dtype", entry("f32", "[2,2]", "[0,16]"), 16);
  refuse("unknown-dtype", entry("", "[2,2]", "[0,16]"), 16);
}

TEST("shapes that are negative, no whole numbers, too long or too large") {
  CHECK_EQ(refuse("header-invalid", entry("F32", "[-2,-2]", "[0,16]"), 16).tensor, "a");
  refuse("header-invalid", entry("F32", "[2.0,2]", "[0,16]"), 16);
  refuse("header-invalid", entry("F32", "[2e0,2]", "[0,16]"), 16);
  refuse("header-invalid", entry("F32", "[18446744073709551615]", "[0,16]"), 16);
  refuse("header-invalid", entry("F32", "[1,1,1,1,1,1,1,2,2]", "[0,16]"), 16);
  refuse("header-invalid", entry("F32", "[4294967296,4294967296]", "[0,0]"), 0);
  refuse("header-invalid", entry("F32", "[4611686018427387904,4]", "[0,0]"), 0);
  refuse("header-invalid", entry("F4", "[3]", "[0,1]"), 1);
  SafetensorsReader(save_with_header(entry("F32", "[1,1,1,1,1,1,2,2]", "[0,16]"), 16));
}

TEST("offsets that are negative, turned round, beyond the file, or not two") {
  for (const char* offsets : {"[-16,0]", "[16,0]", "[0,17]", "[4,20]", "[0,16,16]", "[16]", "[]", "[0,1.6e1]",
                              "[0,18446744073709551632]", "[18446744073709551600,16]", "16", "[\"0\",\"16\"]", "{}"}) {
    CHECK_EQ(refuse("tensor-offsets-invalid", entry("F32", "[2,2]", offsets), 16).tensor, "a");
  }
}

TEST("offsets turned round are named as such, and not as a huge size") {
  const Error error = refuse("tensor-offsets-invalid", entry("F32", "[2,2]", "[16,0]"), 16);
  CHECK_EQ(std::string(error.what()), "data_offsets end before they begin.");
}

TEST("bytes that are not shape times type") {
  refuse("tensor-offsets-invalid", entry("F32", "[2,3]", "[0,16]"), 16);
  refuse("tensor-offsets-invalid", entry("F16", "[2,2]", "[0,16]"), 16);
  refuse("tensor-offsets-invalid", entry("F32", "[]", "[0,16]"), 16);
  refuse("tensor-offsets-invalid", entry("F32", "[0]", "[0,16]"), 16);
}

TEST("overlaps") {
  CHECK_EQ(refuse("tensor-overlap", two("[0,4]", "[3,7]"), 7).tensor, "b");
  refuse("tensor-overlap", two("[0,4]", "[0,4]"), 4);
  refuse("tensor-overlap", two("[2,6]", "[0,4]"), 6);
}

TEST("holes before, between and after") {
  CHECK_EQ(refuse("tensor-hole", entry("F32", "[2,2]", "[4,20]"), 20).tensor, "a");
  CHECK_EQ(refuse("tensor-hole", two("[0,4]", "[5,9]"), 9).tensor, "b");
  refuse("tensor-hole", two("[0,4]", "[4,8]"), 9);
  refuse("tensor-hole", "{}", 1);
}

TEST("tensors without elements: only at a border, and no cover for an overflow") {
  const std::string a =
      R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"z":{"dtype":"U8","shape":[0],"data_offsets":)";
  for (const char* border : {"[0,0]", "[4,4]"}) {
    CHECK_EQ(SafetensorsReader(save_with_header(a + border + "}}", 4)).at("z").elements(), 0);
  }
  CHECK_EQ(refuse("tensor-overlap", a + "[2,2]}}", 4).tensor, "z");
  refuse("tensor-offsets-invalid", a + "[5,5]}}", 4);
  refuse("header-invalid", entry("F32", "[0,4611686018427387904,4]", "[0,0]"), 0);
}

TEST("more than a million tensors") {
  const auto header_of = [](std::size_t count) {
    std::string header = "{";
    for (std::size_t i = 0; i < count; ++i) {
      header += (i > 0 ? ",\"" : "\"") + std::to_string(i) + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
    }
    return header + "}";
  };
  CHECK_EQ(parse_safetensors_header(header_of(max_tensors), 0).tensors.size(), max_tensors);
  CHECK_ERROR("too-many-tensors", parse_safetensors_header(header_of(max_tensors + 1), 0));
}

TEST("deep nesting ends in an error, not on the stack") {
  refuse("header-invalid", "{\"a\":" + std::string(1'000'000, '['), 0);
  refuse("header-invalid", "{\"a\":{\"shape\":" + std::string(1'000'000, '['), 0);
  refuse("header-invalid", "{\"__metadata__\":{\"x\":" + std::string(1'000'000, '{'), 0);
}
