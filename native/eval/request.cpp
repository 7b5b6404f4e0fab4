#include "eval/request.h"

#include <algorithm>

#include "lora/request_field.h"

namespace amalgam::eval {

namespace {

using lora::Field;

constexpr std::int64_t most_new_tokens = 1 << 20;

Tokens read_some_tokens(const Field& field) {
  Tokens tokens = model::read_tokens(field);
  if (tokens.empty()) throw field.refuse("must have at least one token");
  return tokens;
}

Ask read_ask(const Field& ask) {
  const std::string& kind = ask.at("kind").text();
  if (kind == "generate") {
    return Generate{ask.at("maxNewTokens").integer(1, most_new_tokens), model::read_tokens(ask.at("stop"))};
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
  Tokens prompt = model::read_prompt(item.at("prompt"), item.name());
  return {std::move(prompt), read_ask(item.at("ask"))};
}

AdapterRequest read_adapter(const Field& adapter) {
  return {adapter.at("name").text(), adapter.at("weightsFile").text(), model::read_modules(adapter.at("modules"))};
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

}  // namespace

Request read_request(const core::Json& json) {
  const Field root(json, "");
  Request request;
  request.model = root.at("model").text();
  request.device = root.at("device").text();
  request.threads = static_cast<int>(root.at("threads").integer(1, model::most_threads));
  request.memory_bytes = static_cast<std::uint64_t>(root.at("memoryBytes").integer(0, model::most_memory_bytes));
  request.batch_tokens = root.at("batchTokens").integer(0, model::most_pass_tokens);
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
  std::int32_t largest = model::largest_of(item.prompt);
  if (const auto* loss = std::get_if<Loss>(&item.ask)) largest = std::max(largest, model::largest_of(loss->answer));
  if (const auto* choices = std::get_if<Choices>(&item.ask)) {
    for (const Tokens& choice : choices->choices) largest = std::max(largest, model::largest_of(choice));
  }
  return largest;
}

}  // namespace amalgam::eval
