// Damaged safetensors files, one for each number: a random sound file, then faults of its structure, its text and its
// length. The same number gives the same file on every machine.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"
#include "safetensors_files.h"

namespace amalgam::test {

using Random = std::mt19937_64;  // its sequence is fixed by the standard

inline std::size_t below(Random& random, std::size_t limit) { return static_cast<std::size_t>(random() % limit); }
inline bool one_in(Random& random, std::size_t count) { return below(random, count) == 0; }

template <typename List>
const auto& any_of_list(Random& random, const List& list) {
  return list[below(random, list.size())];
}

/// A file in two parts; `intact` when nothing was done to it.
struct FuzzFile {
  std::string header;
  std::uint64_t claimed_header_bytes = 0;
  std::string data;
  bool intact = true;
  std::size_t kept_bytes = ~std::size_t{0};  ///< the file ends here, wherever that is

  std::size_t full_bytes() const { return 8 + header.size() + data.size(); }
  std::string bytes() const {
    std::string all = length_prefix(claimed_header_bytes) + header + data;
    if (all.size() > kept_bytes) all.resize(kept_bytes);
    return all;
  }
};

/// The text of one key and its value; both may be anything.
struct HeaderMember {
  std::string key;
  std::string value;
};

struct HeaderEntry {
  std::string name;  ///< as JSON text, quotes included
  std::vector<HeaderMember> members;
};

inline std::string in_quotes(std::string_view text) { return '"' + std::string(text) + '"'; }

inline std::string list_text(const std::vector<std::string>& items) {
  std::string text = "[";
  for (std::size_t i = 0; i < items.size(); ++i) text += (i > 0 ? "," : "") + items[i];
  return text + "]";
}

inline const std::array<std::string_view, 12>& sound_names() {
  static const std::array<std::string_view, 12> names{"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight",
                                                      "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight",
                                                      "a.lora_A.weight",
                                                      "a.lora_B.weight",
                                                      "x",
                                                      "",
                                                      "with:colon{and}\\\"quote",
                                                      "\\u00e9\\ud83d\\ude00",
                                                      "\xc3\xa8\xf0\x9f\x98\x80",
                                                      "__proto__",
                                                      "constructor",
                                                      "1"};
  return names;
}

/// Sound entries over `data_bytes` bytes, which it sets, in the order of the file.
inline std::vector<HeaderEntry> sound_entries(Random& random, std::uint64_t& data_bytes) {
  static constexpr std::array<std::string_view, 8> dtypes{"F32", "BF16", "F16", "F64", "U8", "I64", "F4", "BOOL"};
  std::vector<HeaderEntry> entries;
  data_bytes = 0;
  const std::size_t first = below(random, sound_names().size());
  for (std::size_t i = 0, count = below(random, 6); i < count; ++i) {
    const std::string_view dtype = any_of_list(random, dtypes);
    std::vector<std::string> shape;
    std::uint64_t elements = 1;
    for (std::size_t dimension = below(random, 4); dimension > 0; --dimension) {
      const std::uint64_t size = one_in(random, 16) ? 0 : 1 + below(random, 5);
      shape.push_back(std::to_string(size));
      elements *= size;
    }
    std::uint64_t bits = elements * static_cast<std::uint64_t>(core::dtype_bits(*core::dtype_from_name(dtype)));
    if (bits % 8 != 0) {
      shape.push_back("2");
      bits *= 2;
    }
    const std::uint64_t end = data_bytes + bits / 8;
    entries.push_back({in_quotes(sound_names()[(first + i) % sound_names().size()]),
                       {{"\"dtype\"", in_quotes(dtype)},
                        {"\"shape\"", list_text(shape)},
                        {"\"data_offsets\"", list_text({std::to_string(data_bytes), std::to_string(end)})}}});
    data_bytes = end;
  }
  return entries;
}

inline std::string deep_nesting(Random& random) {
  const std::size_t depth = one_in(random, 40) ? 50'000 : 1 + below(random, 200);
  std::string text;
  for (std::size_t i = 0; i < depth; ++i) text += one_in(random, 2) ? "[" : "{\"a\":";
  return text;
}

/// Numbers that readers get wrong, beside ordinary ones.
inline std::string odd_number(Random& random) {
  static constexpr std::array<std::string_view, 26> numbers{
      "-1", "-0", "0", "1", "2.0", "0.5", "1e2", "1E+0", "1e-1", "1e308", "1e999", "00", "+1", "0x10", "NaN",
      "4294967296", "2147483648", "9007199254740991", "9007199254740992", "9007199254740993", "9223372036854775807",
      "9223372036854775808", "18446744073709551615", "18446744073709551616", "340282366920938463463374607431768211456",
      "\"1\""};
  if (one_in(random, 200)) return std::string(1 + below(random, 5000), '9');
  return one_in(random, 3) ? std::to_string(below(random, 70)) : std::string(any_of_list(random, numbers));
}

inline std::string odd_value(Random& random) {
  static constexpr std::array<std::string_view, 12> values{"null", "true",       "false",      "\"\"", "{}",          "[]",
                                                           "[[]]", "{\"a\":\"b\"}", "[0,0,0]", "\"F32\"", "\"\\ud800\"", "-"};
  if (one_in(random, 30)) return deep_nesting(random);
  if (one_in(random, 3)) return odd_number(random);
  return std::string(any_of_list(random, values));
}

inline std::string odd_name(Random& random) {
  static constexpr std::array<std::string_view, 14> names{
      "\"__metadata__\"", "\"dtype\"", "\"x\"", "\"\\u0078\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\xed\xa0\x80\"",
      "\"\xc0\xaf\"", "\"\xff\"", "\"\xf5\x80\x80\x80\"", "\"\\u0000\"", "\"\\x\"", "x", "\"\t\""};
  if (one_in(random, 60)) return in_quotes(std::string(1990 + below(random, 20), 'n'));
  return std::string(any_of_list(random, names));
}

/// One fault of one entry or of their order.
inline void break_entries(std::vector<HeaderEntry>& entries, Random& random) {
  if (entries.empty()) {
    entries.push_back({odd_name(random), {{"\"dtype\"", odd_value(random)}}});
    return;
  }
  HeaderEntry& entry = entries[below(random, entries.size())];
  const auto member = [&]() -> HeaderMember* {
    return entry.members.empty() ? nullptr : &entry.members[below(random, entry.members.size())];
  };
  switch (below(random, 14)) {
    case 0: entry.name = odd_name(random); return;
    case 1: entry.name = any_of_list(random, entries).name; return;
    case 2: entries.push_back(HeaderEntry(any_of_list(random, entries))); return;
    case 3: entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(below(random, entries.size()))); return;
    case 4: std::shuffle(entries.begin(), entries.end(), random); return;
    case 5:
      if (HeaderMember* some = member()) some->value = odd_value(random);
      return;
    case 6:
      if (HeaderMember* some = member()) some->key = one_in(random, 2) ? odd_name(random) : entry.members[0].key;
      return;
    case 7:
      if (!entry.members.empty()) entry.members.push_back(HeaderMember(*member()));
      return;
    case 8:
      if (!entry.members.empty()) entry.members.pop_back();
      return;
    case 9:
      std::shuffle(entry.members.begin(), entry.members.end(), random);
      return;
    case 10:
    case 11: entry.members = std::vector<HeaderMember>(any_of_list(random, entries).members); return;  // same bytes
    case 12: {  // sizes
      std::vector<std::string> sizes;
      for (std::size_t count = below(random, 10); count > 0; --count) sizes.push_back(odd_number(random));
      entry.members.push_back({"\"shape\"", list_text(sizes)});
      if (entry.members.size() > 3) entry.members.erase(entry.members.begin() + 1);
      return;
    }
    default:  // offsets
      entry.members.push_back({"\"data_offsets\"", list_text({odd_number(random), odd_number(random)})});
      if (entry.members.size() > 3) entry.members.erase(entry.members.begin() + 2);
  }
}

inline std::string metadata_text(Random& random, bool sound) {
  if (sound || one_in(random, 2)) return R"({"format":"pt","note":"a:b, {c}"})";
  static constexpr std::array<std::string_view, 7> broken{
      R"({"format":"pt","format":"pt"})", R"({"format":1})", R"([])", R"({"a":{}})", R"({"a":"\ud800"})", R"("pt")", "null"};
  return std::string(any_of_list(random, broken));
}

inline std::string header_text(const std::vector<HeaderEntry>& entries, Random& random, bool sound) {
  std::string text = "{";
  const auto next = [&] {
    if (text.size() > 1) text += one_in(random, 8) ? " ,\n" : ",";
  };
  if (one_in(random, 2)) text += "\"__metadata__\":" + metadata_text(random, sound);
  for (const HeaderEntry& entry : entries) {
    next();
    text += entry.name + ":{";
    for (std::size_t i = 0; i < entry.members.size(); ++i) {
      text += (i > 0 ? "," : "") + entry.members[i].key + ":" + entry.members[i].value;
    }
    text += "}";
    if (!sound && one_in(random, 40)) text += ",\"__metadata__\":" + metadata_text(random, false);
  }
  return text + "}" + std::string(below(random, 9), ' ');
}

/// Damage that knows nothing of the format.
inline void break_text(std::string& text, Random& random) {
  static const std::array<std::string, 22> fragments{
      "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud800", "-", "1e9", "null", "9223372036854775807",
      "\"dtype\"", "\"__metadata__\"", "\xff", "\xc0\xaf", "\xed\xa0\x80", std::string(1, '\0'), "[[[[[[[[[[[[", "\n"};
  const std::size_t place = text.empty() ? 0 : below(random, text.size());
  switch (below(random, 7)) {
    case 0:
      if (!text.empty()) text[place] = static_cast<char>(random());
      return;
    case 1:
      if (!text.empty()) text[place] = static_cast<char>(text[place] ^ (1 << below(random, 8)));
      return;
    case 2: text.erase(place, 1 + below(random, 8)); return;
    case 3: text.insert(place, any_of_list(random, fragments)); return;
    case 4: text.insert(place, text.substr(below(random, text.size() + 1), below(random, 60))); return;
    case 5: text.resize(below(random, text.size() + 1)); return;
    default: {
      const std::string& fragment = any_of_list(random, fragments);
      text.replace(place, std::min(fragment.size(), text.size() - place), fragment);
    }
  }
}

inline std::uint64_t odd_length(Random& random, std::uint64_t right) {
  static constexpr std::array<std::uint64_t, 8> lengths{
      0, 1, 7, 100'000'000, 100'000'001, std::uint64_t{1} << 32, std::uint64_t{1} << 63, ~std::uint64_t{0}};
  switch (below(random, 3)) {
    case 0: return right + below(random, 5) - 2;
    case 1: return any_of_list(random, lengths);
    default: return random();
  }
}

/// Case `number` of the sequence of `seed`. One in eight is left sound, so that refusing everything is noticed.
inline FuzzFile fuzz_file(std::uint64_t seed, std::uint64_t number) {
  Random random(seed * 0x9e3779b97f4a7c15ull + number);
  FuzzFile file;
  std::uint64_t data_bytes = 0;
  std::vector<HeaderEntry> entries = sound_entries(random, data_bytes);
  const std::size_t kind = below(random, 8);
  file.intact = kind == 0;
  const auto some = [&](bool wanted, std::size_t most) { return wanted ? 1 + below(random, most) : 0; };
  for (std::size_t left = some(kind >= 1 && kind <= 5, 3); left > 0; --left) break_entries(entries, random);
  file.header = header_text(entries, random, file.intact);
  for (std::size_t left = some(kind >= 5 && kind <= 6, 3); left > 0; --left) break_text(file.header, random);
  file.data.assign(static_cast<std::size_t>(data_bytes), 'x');
  file.claimed_header_bytes = file.header.size();
  if (kind == 7 || (!file.intact && one_in(random, 8))) {
    if (one_in(random, 2)) file.claimed_header_bytes = odd_length(random, file.header.size());
    if (one_in(random, 2)) file.data.resize(below(random, file.data.size() + 20), 'y');
    if (one_in(random, 3)) file.kept_bytes = below(random, 9 + file.header.size() + file.data.size());
  }
  return file;
}

}  // namespace amalgam::test
