#include "core/json.h"

#include <limits>
#include <string>

#include "runner.h"

using amalgam::core::Json;

namespace {

std::string read_and_write(const std::string& text) { return Json::parse(text).dump(); }

void refuse(const std::string& text) { CHECK_ERROR("request-invalid", Json::parse(text)); }

}  // namespace

TEST("every kind of value reads and writes back, objects in order") {
  const std::string text = R"({"b":1,"a":[true,false,null,-2.5,"x"],"c":{},"d":[]})";
  CHECK_EQ(read_and_write(text), text);
  CHECK_EQ(read_and_write(" [ 1 ,\t2\r\n, 3 ] "), "[1,2,3]");
}

TEST("integers stay exact, other numbers are doubles") {
  CHECK_EQ(read_and_write("9223372036854775807"), "9223372036854775807");
  CHECK_EQ(read_and_write("-9223372036854775808"), "-9223372036854775808");
  CHECK_EQ(Json::parse("9223372036854775808").as_number("x"), 9223372036854775808.0);
  CHECK_EQ(read_and_write("0.1"), "0.1");
  CHECK_EQ(read_and_write("1e300"), "1e+300");
  CHECK_EQ(read_and_write("5e-324"), "5e-324");
  CHECK_EQ(Json::parse("2").as_number("x"), 2.0);
  CHECK_EQ(Json(static_cast<std::size_t>(3)).dump(), "3");
}

TEST("numbers out of range or badly written are refused") {
  for (const char* text : {"1e400", "-1e400", "01", "-", "1.", ".5", "1e", "+1", "0x10", "NaN", "Infinity", "--1"})
    refuse(text);
}

TEST("escapes and characters beyond ASCII") {
  CHECK_EQ(Json::parse(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00")").as_string("x"),
           "\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK_EQ(read_and_write("\"\\u0001\\n\\u007f\""), "\"\\u0001\\u000a\\u007f\"");
  CHECK_EQ(read_and_write("\"\xf0\x9f\x98\x80\""), "\"\xf0\x9f\x98\x80\"");
}

TEST("bytes that are not UTF-8 are refused") {
  for (const char* bytes : {"\x80", "\xbf", "\xc0\xaf", "\xc3", "\xc3(", "\xe0\x80\xaf", "\xed\xa0\x80",
                            "\xf0\x80\x80\xaf", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff", "\xfe"}) {
    refuse("\"" + std::string(bytes) + "\"");
  }
}

TEST("broken strings are refused") {
  for (const char* text : {"\"", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\ud800\\u0041\"",
                           "\"\\udc00\"", "\"a\nb\"", "\"\\u+123\"", "\"\\u 123\""}) {
    refuse(text);
  }
  refuse(std::string("\"a\0b\"", 5));
}

TEST("broken structure is refused") {
  for (const char* text : {"", " ", "{", "[", "[1", "[1,", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}",
                           "[1 2]", "1 2", "nul", "truex", "{}{}", "]", "{\"a\":1]", "[1}"}) {
    refuse(text);
  }
}

TEST("duplicate keys are refused at every level") {
  refuse(R"({"a":1,"a":2})");
  refuse(R"([{"a":1,"b":{"c":1,"\u0063":2}}])");
  CHECK_EQ(read_and_write(R"({"a":{"x":1},"b":{"x":1}})"), R"({"a":{"x":1},"b":{"x":1}})");
}

TEST("depth is limited, so that no text can exhaust the stack") {
  const auto nested = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  CHECK_EQ(read_and_write(nested(60)), nested(60));
  refuse(nested(70));
  refuse(std::string(1'000'000, '['));
}

TEST("accessors name the field and what was expected") {
  const Json request = Json::parse(R"({"rank":1.5,"name":7,"list":{},"flag":"yes"})");
  CHECK_EQ(std::string(CHECK_ERROR("request-invalid", request.get_int("rank")).what()),
           "\"rank\" must be a whole number.");
  CHECK_EQ(std::string(CHECK_ERROR("request-invalid", request.get_string("name")).what()), "\"name\" must be a text.");
  CHECK_EQ(std::string(CHECK_ERROR("request-invalid", request.get_array("list")).what()), "\"list\" must be a list.");
  CHECK_EQ(std::string(CHECK_ERROR("request-invalid", request.get_bool("flag")).what()),
           "\"flag\" must be true or false.");
  CHECK_EQ(std::string(CHECK_ERROR("request-invalid", request.get_object("name")).what()),
           "\"name\" must be an object.");
  CHECK_EQ(std::string(CHECK_ERROR("request-invalid", request.at("seed")).what()), "\"seed\" is missing.");
  CHECK_EQ(std::string(CHECK_ERROR("request-invalid", request.get_int("name", 0, 5)).what()),
           "\"name\" must be from 0 to 5, not 7.");
  CHECK_EQ(request.get_int("name", 0, 7), 7);
  CHECK(request.find("seed") == nullptr);
  CHECK(Json(3).find("seed") == nullptr);
}

TEST("numbers that are not finite are not written") {
  CHECK_ERROR("not-finite", Json(std::numeric_limits<double>::quiet_NaN()).dump());
  CHECK_ERROR("not-finite", Json::array({std::numeric_limits<double>::infinity()}).dump());
}

TEST("building with set and push") {
  Json result;
  result.set("modules", Json::array()).set("norm", 0.5);
  Json list;
  list.push(1).push("two");
  result.set("list", std::move(list));
  CHECK_EQ(result.dump(), R"({"modules":[],"norm":0.5,"list":[1,"two"]})");
}
