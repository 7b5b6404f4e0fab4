#include "eval/request.h"

#include <algorithm>
#include <limits>

#include "lora/request_field.h"

namespace amalgam::eval {

namespace {

using lora::Field;

// Sizes that no model comes near; they keep products of sizes within 64 bits.
constexpr std::int64_t most_threads = 1024;
constexpr std::int64_t most_rank = 4096;
constexpr std::int64_t most_side = std::int64_t{1} << 28;
constexpr std::int64_t most_new_tokens = 1 << 20;
constexpr std::int64_t most_batch_tokens = 1 << 22;
constexpr std::int64_t most_memory = std::int64_t{1} << 50;

Tokens read_tokens(const Field& field) {
  Tokens tokens;
  for (const Field& token : field.items()) {
    tokens.push_back(static_cast<std::int32_t>(token.integer(0, std::numeric_limits<std::int32_t>::max())));
  }
  return tokens;
}

Tokens read_some_tokens(const Field& field) {
  Tokens tokens = read_tokens(field);
  if (tokens.empty()) throw field.refuse("must have at least one token");
  return tokens;
}

Ask read_ask(const Field& ask) {
  const std::string& kind = ask.at("kind").text();
  if (kind == "generate") {
    return Generate{ask.at("maxNewTokens").integer(1, most_new_tokens), read_tokens(ask.at("stop"))};
  }
  if (kind == "choices") {
    Choices choices;
    for (const Field& choice : ask.at("choices").some_items()) choices.choices.push_back(read_some_tokens(choice));
    return choices;
  }
  if (kind == "loss") return Loss{read_some_tokens(ask.at("answer"))};
  throw ask.at("kind").refuse("must be \"generate\", \"choices\" or \"loss\", not \"" + kind + "\"");
}

Item read_item(const Field& item) {
  Tokens prompt = read_tokens(item.at("prompt"));
  if (prompt.empty()) {
    throw core::Error("prompt-empty",
                      item.name() + " has a prompt without tokens; the first token has nothing to follow.")
        .with_hint("Begin prompts with the model's start token.");
  }
  return {std::move(prompt), read_ask(item.at("ask"))};
}

AdapterRequest read_adapter(const Field& adapter) {
  AdapterRequest result{adapter.at("name").text(), adapter.at("weightsFile").text(), {}};
  for (const Field& module : adapter.at("modules").items()) {
    result.modules.push_back({
        .name = module.at("name").text(),
        .a = module.at("a").text(),
        .b = module.at("b").text(),
        .rank = module.at("rank").integer(1, most_rank),
        .in = module.at("in").integer(1, most_side),
        .out = module.at("out").integer(1, most_side),
        .scaling = module.at("scaling").number(),
    });
  }
  return result;
}

std::vector<double> read_coefficients(const Field& field, std::size_t modules) {
  if (!field.value().is_array()) return std::vector<double>(modules, field.number());
  std::vector<double> numbers;
  for (const Field& number : field.items()) numbers.push_back(number.number());
  if (numbers.size() == modules) return numbers;
  throw field.refuse("must have one number for each of the adapter's " + std::to_string(modules) + " modules, not " +
                     std::to_string(numbers.size()));
}

Subject read_subject(const Field& field, const std::vector<AdapterRequest>& adapters) {
  Subject subject{field.at("name").text(), {}, {}};
  std::vector<std::int64_t> seen;
  for (const Field& term : field.at("terms").items()) {
    const std::int64_t adapter = term.at("adapter").integer(0, static_cast<std::int64_t>(adapters.size()) - 1);
    if (std::ranges::find(seen, adapter) != seen.end()) throw term.refuse("names an adapter twice");
    seen.push_back(adapter);
    std::vector<double> coefficients =
        read_coefficients(term.at("coefficients"), adapters[static_cast<std::size_t>(adapter)].modules.size());
    if (std::ranges::all_of(coefficients, [](double c) { return c == 0; })) continue;
    subject.adapters.push_back(static_cast<std::int32_t>(adapter));
    subject.coefficients.push_back(std::move(coefficients));
  }
  return subject;
}

Pair read_pair(const Field& field, const Request& request) {
  const std::vector<Field> pair = field.items();
  if (pair.size() != 2) throw field.refuse("must be a pair of a subject and an item");
  return {static_cast<std::int32_t>(pair[0].integer(0, static_cast<std::int64_t>(request.subjects.size()) - 1)),
          static_cast<std::int32_t>(pair[1].integer(0, static_cast<std::int64_t>(request.items.size()) - 1))};
}

std::int32_t largest_of(const Tokens& tokens) { return tokens.empty() ? 0 : *std::ranges::max_element(tokens); }

}  // namespace

Request read_request(const core::Json& json) {
  const Field root(json, "");
  Request request;
  request.model = root.at("model").text();
  request.device = root.at("device").text();
  request.threads = static_cast<int>(root.at("threads").integer(1, most_threads));
  request.memory_bytes = static_cast<std::uint64_t>(root.at("memoryBytes").integer(0, most_memory));
  request.batch_tokens = root.at("batchTokens").integer(0, most_batch_tokens);
  for (const Field& adapter : root.at("adapters").items()) request.adapters.push_back(read_adapter(adapter));
  for (const Field& subject : root.at("subjects").items()) {
    request.subjects.push_back(read_subject(subject, request.adapters));
  }
  for (const Field& item : root.at("items").items()) request.items.push_back(read_item(item));
  for (const Field& pair : root.at("work").items()) request.work.push_back(read_pair(pair, request));
  request.out_file = root.at("outFile").text();
  return request;
}

std::int64_t positions_of(const Item& item) {
  const auto prompt = static_cast<std::int64_t>(item.prompt.size());
  if (const auto* generate = std::get_if<Generate>(&item.ask)) return prompt + generate->max_new_tokens - 1;
  if (const auto* loss = std::get_if<Loss>(&item.ask))
    return prompt + static_cast<std::int64_t>(loss->answer.size()) - 1;
  std::int64_t longest = 0;
  for (const Tokens& choice : std::get<Choices>(item.ask).choices) {
    longest = std::max(longest, static_cast<std::int64_t>(choice.size()));
  }
  return prompt + longest - 1;
}

std::int32_t largest_token(const Item& item) {
  std::int32_t largest = largest_of(item.prompt);
  if (const auto* loss = std::get_if<Loss>(&item.ask)) largest = std::max(largest, largest_of(loss->answer));
  if (const auto* choices = std::get_if<Choices>(&item.ask)) {
    for (const Tokens& choice : choices->choices) largest = std::max(largest, largest_of(choice));
  }
  return largest;
}

}  // namespace amalgam::eval
