// Parts that the requests of several jobs have in common, as plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lora/request_field.h"

namespace amalgam::model {

/// Sizes that no model and no machine come near; they keep products of sizes within 64 bits.
inline constexpr std::int64_t most_threads = 1024;
inline constexpr std::int64_t most_memory_bytes = std::int64_t{1} << 50;
inline constexpr std::int64_t most_pass_tokens = 1 << 22;

using Tokens = std::vector<std::int32_t>;

/// A list of token ids, not negative.
Tokens read_tokens(const lora::Field& field);
/// The same; throws Error "prompt-empty" naming `item` when there is none.
Tokens read_prompt(const lora::Field& field, const std::string& item);

std::int32_t largest_of(const Tokens& tokens);

/// Throws Error "vocabulary-mismatch" naming `item` when its largest token has no row of the embedding.
void check_vocabulary(std::int32_t largest, std::int64_t vocabulary, const std::string& item);

/// An adapter's part of one linear layer, and the names of its factors' tensors.
struct ModuleRequest {
  std::string name;
  std::string a;
  std::string b;
  std::int64_t rank = 0;
  std::int64_t in = 0;
  std::int64_t out = 0;
  double scaling = 1;
};

std::vector<ModuleRequest> read_modules(const lora::Field& field);

}  // namespace amalgam::model
