#include "model/request_parts.h"

#include <algorithm>
#include <limits>

namespace amalgam::model {

namespace {

using lora::Field;

constexpr std::int64_t most_rank = 4096;
constexpr std::int64_t most_side = std::int64_t{1} << 28;

}  // namespace

Tokens read_tokens(const Field& field) {
  Tokens tokens;
  for (const Field& token : field.items()) {
    tokens.push_back(static_cast<std::int32_t>(token.integer(0, std::numeric_limits<std::int32_t>::max())));
  }
  return tokens;
}

Tokens read_prompt(const Field& field, const std::string& item) {
  Tokens prompt = read_tokens(field);
  if (!prompt.empty()) return prompt;
  throw core::Error("prompt-empty", item + " has a prompt without tokens; the first token has nothing to follow.")
      .with_hint("Begin prompts with the model's start token.");
}

std::int32_t largest_of(const Tokens& tokens) { return tokens.empty() ? 0 : *std::ranges::max_element(tokens); }

void check_vocabulary(std::int32_t largest, std::int64_t vocabulary, const std::string& item) {
  if (largest < vocabulary) return;
  throw core::Error("vocabulary-mismatch", item + " has the token " + std::to_string(largest) +
                                               "; the base model's embedding has " + std::to_string(vocabulary) +
                                               " rows.")
      .with_hint("The tokenizer belongs to another base model.");
}

std::vector<ModuleRequest> read_modules(const Field& field) {
  std::vector<ModuleRequest> modules;
  for (const Field& module : field.items()) {
    modules.push_back({
        .name = module.at("name").text(),
        .a = module.at("a").text(),
        .b = module.at("b").text(),
        .rank = module.at("rank").integer(1, most_rank),
        .in = module.at("in").integer(1, most_side),
        .out = module.at("out").integer(1, most_side),
        .scaling = module.at("scaling").number(),
    });
  }
  return modules;
}

}  // namespace amalgam::model
