// Generator of llama.jsonl.gz: what llama.cpp's own sampler library does with the
// same logits and settings. It is not needed to run the tests.
//
// Build and run it against a built llama.cpp (static libraries), from this folder:
//
//   L=/path/to/llama.cpp
//   g++ -std=c++17 -O2 -ffp-contract=off -I$L/include -I$L/ggml/include gen.cpp \
//       $L/build/src/libllama.a $L/build/ggml/src/libggml.a $L/build/ggml/src/libggml-cpu.a \
//       $L/build/ggml/src/libggml-base.a -fopenmp -lpthread -ldl -o /tmp/gen
//   /tmp/gen real.f32 | gzip -9n > llama.jsonl.gz
//
// real.f32 holds logits of two real models (SmolLM2-135M and Gemma-3-270M, four texts
// each), 1536 tokens a row: the 512 most likely and every n-th of the others, in the
// order of their ids.
//
// A line is a case: a row of logits (see row(), which the test repeats), settings
// under the names of sampler.Params, the tokens accepted before, and after each stage
// the candidates that are left. A candidate is named by its rank in the row, ranges
// joined; masked ones do not count. Of some candidates the logit is given, minus the
// largest. Ties are excluded. Stages with a memory run over several rows, and the
// token that the library drew is accepted.
#include "llama.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <numeric>
#include <string>
#include <vector>

// In the library, for its own tests.
llama_sampler * llama_sampler_init_dry_testing(float, float, int32_t, int32_t, const std::vector<std::vector<llama_token>> &);

static const int REAL_LEN = 1536;
static std::vector<float> real_rows;

// splitmix64 by Vigna; exact in every language.
struct random_source {
    uint64_t s;
    uint64_t next() {
        uint64_t z = (s += 0x9E3779B97F4A7C15ull);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
        return z ^ (z >> 31);
    }
    double unit() { return double(next() >> 11) * 0x1p-53; }
    int below(int n) { return int(next() % uint64_t(n)); }
};

struct row_spec {
    std::string kind; // bell, tail, flat, masked: a bell of which a tenth is -inf; real
    int n;
    uint64_t seed; // real: index
};

// row makes the logits; products are rounded before they are added.
static std::vector<float> row(const row_spec & s) {
    if (s.kind == "real") {
        return {real_rows.begin() + s.seed * REAL_LEN, real_rows.begin() + (s.seed + 1) * REAL_LEN};
    }
    std::vector<float> out(s.n);
    random_source r{s.seed};
    for (auto & x : out) {
        double u = r.unit();
        double bell = u + r.unit() + r.unit() + r.unit() - 2.0;
        double y;
        if (s.kind == "tail") {
            double share = 0.05 / (u + 0.01);
            y = bell * 3.0 + share * 2.0;
        } else if (s.kind == "flat") {
            y = bell * 0.5;
        } else {
            y = bell * 6.0;
        }
        x = float(y);
    }
    if (s.kind == "masked") {
        for (auto & x : out) {
            if (r.below(10) == 0) x = -INFINITY;
        }
    }
    return out;
}

static bool has_ties(std::vector<float> v) {
    v.erase(std::remove(v.begin(), v.end(), -INFINITY), v.end());
    std::sort(v.begin(), v.end());
    return std::adjacent_find(v.begin(), v.end()) != v.end();
}

typedef std::map<std::string, double> settings;

static double get(const settings & p, const char * name, double def) {
    auto it = p.find(name);
    return it == p.end() ? def : it->second;
}

typedef std::vector<std::vector<llama_token>> breaker_list;

static llama_sampler * make(const std::string & name, const settings & p, const breaker_list & breakers, int n_vocab) {
    size_t keep = get(p, "min_keep", 0);
    if (name == "penalties") return llama_sampler_init_penalties(n_vocab, get(p, "repeat_last_n", 64), get(p, "repeat_penalty", 1), get(p, "frequency_penalty", 0), get(p, "presence_penalty", 0));
    if (name == "dry") return llama_sampler_init_dry_testing(get(p, "dry_multiplier", 0), get(p, "dry_base", 1.75), get(p, "dry_allowed_length", 2), get(p, "dry_penalty_last_n", 64), breakers);
    if (name == "top_n_sigma") return llama_sampler_init_top_n_sigma(get(p, "top_n_sigma", -1));
    if (name == "top_k") return llama_sampler_init_top_k(get(p, "top_k", 40));
    if (name == "typ_p") return llama_sampler_init_typical(get(p, "typical_p", 1), keep);
    if (name == "top_p") return llama_sampler_init_top_p(get(p, "top_p", 0.95), keep);
    if (name == "min_p") return llama_sampler_init_min_p(get(p, "min_p", 0.05), keep);
    if (name == "xtc") return llama_sampler_init_xtc(get(p, "xtc_probability", 0), get(p, "xtc_threshold", 0.1), keep, 1);
    if (name == "temperature") return llama_sampler_init_temp_ext(get(p, "temperature", 0.8), get(p, "dynatemp_range", 0), get(p, "dynatemp_exponent", 1));
    if (name == "adaptive_p") return llama_sampler_init_adaptive_p(get(p, "adaptive_target", -1), get(p, "adaptive_decay", 0.9), 7);
    if (name == "mirostat" && get(p, "mirostat", 0) == 1) return llama_sampler_init_mirostat(n_vocab, 7, get(p, "mirostat_tau", 5), get(p, "mirostat_eta", 0.1), 100);
    if (name == "mirostat") return llama_sampler_init_mirostat_v2(7, get(p, "mirostat_tau", 5), get(p, "mirostat_eta", 0.1));
    fprintf(stderr, "no stage %s\n", name.c_str());
    exit(1);
}

static std::vector<llama_token_data> candidates(const std::vector<float> & logits) {
    std::vector<llama_token_data> data;
    for (size_t i = 0; i < logits.size(); i++) data.push_back({llama_token(i), logits[i], 0});
    return data;
}

// ranks maps ids to places in the row, likeliest first.
static std::vector<int> ranks(const std::vector<float> & logits) {
    std::vector<int> by(logits.size()), rank(logits.size());
    std::iota(by.begin(), by.end(), 0);
    std::stable_sort(by.begin(), by.end(), [&](int a, int b) { return logits[a] > logits[b]; });
    for (size_t i = 0; i < by.size(); i++) rank[by[i]] = i;
    return rank;
}

static const int SHOWN = 8; // candidates whose logit is given

static void print_left(const llama_token_data_array & a, const std::vector<int> & rank) {
    std::map<int, float> left;
    float top = -INFINITY;
    for (size_t i = 0; i < a.size; i++) {
        if (a.data[i].logit != -INFINITY) {
            left[rank[a.data[i].id]] = a.data[i].logit;
            top = std::max(top, a.data[i].logit);
        }
    }
    printf("\"kept\":\"");
    int first = -1, last = -2;
    bool comma = false;
    auto flush = [&]() {
        if (first < 0) return;
        printf(first == last ? "%s%d" : "%s%d-%d", comma ? "," : "", first, last);
        comma = true;
    };
    for (auto & e : left) {
        if (e.first != last + 1) {
            flush();
            first = e.first;
        }
        last = e.first;
    }
    flush();
    printf("\",\"logits\":{");
    size_t i = 0, step = std::max<size_t>(1, left.size() / SHOWN);
    comma = false;
    for (auto & e : left) {
        if (i++ % step == 0 && i / step <= SHOWN) {
            printf("%s\"%d\":%.6g", comma ? "," : "", e.first, double(e.second) - double(top));
            comma = true;
        }
    }
    printf("}");
}

static void print_row(const row_spec & s) {
    printf("\"row\":{\"kind\":\"%s\",\"n\":%d,\"seed\":%llu}", s.kind.c_str(), s.n, (unsigned long long) s.seed);
}

static void print_head(const settings & p, const std::vector<std::string> & order) {
    printf("{\"params\":{");
    const char * comma = "";
    for (auto & e : p) {
        printf("%s\"%s\":%.9g", comma, e.first.c_str(), e.second);
        comma = ",";
    }
    printf("},\"samplers\":[");
    comma = "";
    for (auto & name : order) {
        printf("%s\"%s\"", comma, name.c_str());
        comma = ",";
    }
    printf("]");
}

// one_row prints what is left after each stage.
static void one_row(const row_spec & spec, const settings & p, const std::vector<std::string> & order,
        const std::vector<llama_token> & accepted = {}, const breaker_list & breakers = {}) {
    auto logits = row(spec);
    if (has_ties(logits)) return;
    auto data = candidates(logits);
    auto rank = ranks(logits);
    llama_token_data_array a = {data.data(), data.size(), -1, false};
    print_head(p, order);
    printf(",\"accepted\":[");
    for (size_t i = 0; i < accepted.size(); i++) printf("%s%d", i ? "," : "", accepted[i]);
    printf("],\"breakers\":[");
    for (size_t i = 0; i < breakers.size(); i++) {
        printf("%s[", i ? "," : "");
        for (size_t j = 0; j < breakers[i].size(); j++) printf("%s%d", j ? "," : "", breakers[i][j]);
        printf("]");
    }
    printf("],\"steps\":[");
    for (size_t i = 0; i < order.size(); i++) {
        auto * s = make(order[i], p, breakers, logits.size());
        for (auto tok : accepted) llama_sampler_accept(s, tok);
        llama_sampler_apply(s, &a);
        llama_sampler_free(s);
        printf("%s{", i ? "," : "");
        print_row(spec);
        printf(",\"stages\":%zu,", i + 1);
        print_left(a, rank);
        printf("}");
    }
    printf("]}\n");
}

// many_rows prints what a chain that ends in a stage with a memory leaves of each row,
// and what it draws.
static void many_rows(std::vector<row_spec> specs, const settings & p, const std::vector<std::string> & order) {
    std::vector<llama_sampler *> chain;
    print_head(p, order);
    printf(",\"steps\":[");
    bool comma = false;
    for (auto & spec : specs) {
        auto logits = row(spec);
        if (has_ties(logits)) continue;
        if (chain.empty()) {
            for (auto & name : order) chain.push_back(make(name, p, {}, logits.size()));
        }
        auto data = candidates(logits);
        auto rank = ranks(logits);
        llama_token_data_array a = {data.data(), data.size(), -1, false};
        for (auto * s : chain) llama_sampler_apply(s, &a);
        llama_token tok = a.data[a.selected].id;
        for (auto * s : chain) llama_sampler_accept(s, tok);
        printf("%s{", comma ? "," : "");
        comma = true;
        print_row(spec);
        printf(",\"stages\":%zu,", order.size());
        print_left(a, rank);
        printf(",\"taken\":%d}", tok);
    }
    printf("]}\n");
    for (auto * s : chain) llama_sampler_free(s);
}

static std::vector<row_spec> some_rows(random_source & r) {
    return {
        {"bell", 700, r.next() % 100000}, {"tail", 900, r.next() % 100000}, {"flat", 300, r.next() % 100000},
        {"masked", 600, r.next() % 100000}, {"real", REAL_LEN, uint64_t(r.below(8))},
    };
}

static void single_stages(random_source & r) {
    struct grid { std::string stage, param; std::vector<double> values; };
    std::vector<grid> grids = {
        {"top_k", "top_k", {1, 7, 40, 5000}},
        {"top_p", "top_p", {0, 0.31, 0.8, 0.95, 0.99}}, // its sums are float32: off by a token nearer to 1
        {"min_p", "min_p", {0.001, 0.05, 0.3, 1, 1.5}},
        {"top_n_sigma", "top_n_sigma", {0.5, 1, 2, 3.3}},
        {"typ_p", "typical_p", {0, 0.2, 0.6, 0.9, 0.99}},
        {"xtc", "xtc_threshold", {0.5, 0.1, 0.03, 0.004}},
        {"temperature", "temperature", {0.3, 1.7}},
        {"temperature", "dynatemp_range", {0.4, 0.8, 1.5}},
    };
    for (auto & g : grids) {
        for (double v : g.values) {
            for (auto & spec : some_rows(r)) {
                if (spec.kind == "masked" && (g.stage == "typ_p" || g.param == "dynatemp_range")) continue; // we differ, see doc.go
                settings p = {{g.param, v}};
                if (g.stage == "xtc") p["xtc_probability"] = 1;
                if (g.param == "dynatemp_range") p["dynatemp_exponent"] = r.below(2) ? 1 : 0.6;
                if (r.below(3) == 0) p["min_keep"] = 1 + r.below(12);
                one_row(spec, p, {g.stage});
            }
        }
    }
}

// text makes tokens that repeat themselves.
static std::vector<llama_token> text(random_source & r, int n, int vocab) {
    std::vector<llama_token> t;
    while (int(t.size()) < n) {
        if (t.size() > 4 && r.below(3) > 0) {
            size_t from = r.below(t.size() - 2), len = 2 + r.below(9);
            for (size_t i = from; i < from + len && i < t.size() && int(t.size()) < n; i++) t.push_back(t[i]);
        } else {
            t.push_back(r.below(vocab));
        }
    }
    return t;
}

static void memory_of_text(random_source & r) {
    for (int i = 0; i < 30; i++) {
        for (auto & spec : some_rows(r)) {
            if (r.below(4) > 0) continue;
            settings p = {{"repeat_penalty", 0.8 + 0.1 * r.below(9)}, {"frequency_penalty", 0.25 * (r.below(5) - 2)},
                {"presence_penalty", 0.5 * r.below(3)}, {"repeat_last_n", double(1 + r.below(90))}, {"min_p", 0.02}};
            one_row(spec, p, {"penalties", "min_p"}, text(r, 5 + r.below(120), 60));
        }
    }
    for (int i = 0; i < 200; i++) {
        auto specs = some_rows(r);
        auto spec = specs[r.below(specs.size())];
        int vocab = 3 + r.below(20);
        settings p = {{"dry_multiplier", 0.3 + 0.5 * r.below(4)}, {"dry_base", 1 + 0.25 * r.below(5)},
            {"dry_allowed_length", double(r.below(5))}, {"dry_penalty_last_n", double(4 + r.below(100))}, {"min_p", 0.01}};
        breaker_list breakers = {{vocab + 1}};
        for (int k = r.below(4); k > 0; k--) {
            std::vector<llama_token> seq;
            for (int j = 1 + r.below(3); j > 0; j--) seq.push_back(r.below(vocab + 2));
            breakers.push_back(seq);
        }
        auto toks = text(r, 5 + r.below(120), vocab);
        if (r.below(2)) toks[r.below(toks.size())] = vocab + 1;
        one_row(spec, p, {"dry", "min_p"}, toks, breakers);
    }
}

static double pick(random_source & r, std::vector<double> v) { return v[r.below(v.size())]; }

static void chains(random_source & r) {
    for (int i = 0; i < 260; i++) {
        auto specs = some_rows(r);
        auto spec = specs[r.below(specs.size())];
        settings p = {
            {"top_n_sigma", pick(r, {1, 1.5, 3})}, {"top_k", pick(r, {10, 40, 200})}, {"typical_p", pick(r, {0.5, 0.95})},
            {"top_p", pick(r, {0.5, 0.9, 0.95})}, {"min_p", pick(r, {0.02, 0.05, 0.2})}, {"xtc_probability", 1},
            {"xtc_threshold", pick(r, {0.02, 0.1})}, {"temperature", pick(r, {0.4, 0.8, 1.3})}, {"min_keep", pick(r, {0, 0, 5})},
        };
        std::vector<std::string> order = {"top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature"};
        if (i >= 40) { // the default order, then any
            for (int j = int(order.size()) - 1; j > 0; j--) std::swap(order[j], order[r.below(j + 1)]);
            order.resize(2 + r.below(order.size() - 1));
        }
        auto at = [&](const char * name) { return std::find(order.begin(), order.end(), name) - order.begin(); };
        // typ_p is NaN in the library where tokens are masked, as top_n_sigma does.
        if (at("typ_p") < long(order.size()) && (spec.kind == "masked" || at("top_n_sigma") < at("typ_p"))) order.erase(order.begin() + at("typ_p"));
        if (at("top_n_sigma") < at("xtc")) p["min_keep"] = 0; // masked ones count for the library, see doc.go
        one_row(spec, p, order);
    }
}

static void memories(random_source & r) {
    for (int i = 0; i < 24; i++) {
        std::vector<row_spec> specs;
        for (int k = 0; k < 12; k++) {
            if (i % 4 == 3) {
                specs.push_back({"real", REAL_LEN, uint64_t(r.below(8))});
            } else {
                specs.push_back({pick(r, {0, 1}) ? "bell" : "tail", 800, r.next() % 100000});
            }
        }
        double temp = pick(r, {1, 0.7, 1.4});
        settings m = {{"temperature", temp}, {"mirostat_tau", pick(r, {1.5, 3, 5})}, {"mirostat_eta", pick(r, {0.1, 0.5})}};
        m["mirostat"] = 2;
        many_rows(specs, m, {"temperature", "mirostat"});
        m["mirostat"] = 1;
        many_rows(specs, m, {"temperature", "mirostat"});
        settings a = {{"adaptive_target", pick(r, {0, 0.2, 0.5, 0.9})}, {"adaptive_decay", pick(r, {0, 0.5, 0.9, 1})}, {"min_p", 0.02}};
        many_rows(specs, a, {"min_p", "adaptive_p"});
    }
}

int main(int argc, char ** argv) {
    FILE * f = argc == 2 ? fopen(argv[1], "rb") : nullptr;
    if (!f) {
        fprintf(stderr, "usage: gen real.f32\n");
        return 1;
    }
    real_rows.resize(8 * REAL_LEN);
    if (fread(real_rows.data(), 4, real_rows.size(), f) != real_rows.size()) return 1;
    fclose(f);
    random_source r{20250911};
    for (int i = 0; i < 2; i++) single_stages(r);
    memory_of_text(r);
    chains(r);
    memories(r);
}
