#include "iscard_golden.hpp"

#include "fake_winscard.hpp"
#include "iscard_support.hpp"

#include <boost/test/unit_test.hpp>

#include <deque>
#include <fstream>
#include <iomanip>
#include <sstream>
#include <stdexcept>
#include <vector>

using cardlatch::Bytes;
using cardlatch::ByteView;
using cardlatch::to_hex;

namespace {

struct Known {
    const char* name;
    HRESULT value;
};
const Known k_results[] = {
    {"S_OK", S_OK},
    {"S_FALSE", S_FALSE},
    {"E_NOTIMPL", E_NOTIMPL},
    {"E_POINTER", E_POINTER},
    {"E_FAIL", E_FAIL},
    {"E_UNEXPECTED", E_UNEXPECTED},
    {"E_ACCESSDENIED", E_ACCESSDENIED},
    {"E_INVALIDARG", E_INVALIDARG},
    {"E_NOINTERFACE", E_NOINTERFACE},
    {"DISP_E_OVERFLOW", DISP_E_OVERFLOW},
    {"DISP_E_TYPEMISMATCH", DISP_E_TYPEMISMATCH},
    {"DISP_E_PARAMNOTOPTIONAL", DISP_E_PARAMNOTOPTIONAL},
    {"DISP_E_BADPARAMCOUNT", DISP_E_BADPARAMCOUNT},
    {"DISP_E_BADVARTYPE", DISP_E_BADVARTYPE},
};

struct Created {
    const char* name;
    const CLSID* clsid;
};
const Created k_classes[] = {
    {"ISCard", &CLSID_CSCard},
    {"ISCardCmd", &CLSID_CSCardCmd},
    {"ISCardISO7816", &CLSID_CSCardISO7816},
    {"ISCardTypeConv", &CLSID_CSCardTypeConv},
    {"ISCardDatabase", &CLSID_CSCardDatabase},
    {"ISCardLocate", &CLSID_CSCardLocate},
    {"ISCardManage", &CLSID_CSCardManage},
    {"IByteBuffer", &CLSID_CByteBuffer},
};

/// A VARIANT that frees itself.
class Value {
  public:
    Value() { VariantInit(&variant); }
    Value(const Value& other)
        : Value() {
        VariantCopy(&variant, const_cast<VARIANT*>(&other.variant));
    }
    Value& operator=(const Value&) = delete;
    ~Value() { VariantClear(&variant); }
    VARIANT variant{};
};

std::wstring wide(const std::string& text) {
    return {text.begin(), text.end()};
}

/// "00A4(5A*3)" is 00A45A5A5A.
Bytes bytes_of(const std::string& token) {
    Bytes bytes;
    for (std::size_t at = 1; at < token.size();) {
        if (token[at] == '(') {
            const auto star = token.find('*', at);
            const auto end = token.find(')', at);
            const auto part = cardlatch::from_hex(token.substr(at + 1, star - at - 1)).value();
            for (auto n = std::stoul(token.substr(star + 1, end - star - 1)); n > 0; --n) {
                bytes.insert(bytes.end(), part.begin(), part.end());
            }
            at = end + 1;
        } else {
            bytes.push_back(cardlatch::from_hex(token.substr(at, 2)).value().at(0));
            at += 2;
        }
    }
    return bytes;
}

std::vector<std::string> tokens_of(const std::string& line) {
    std::vector<std::string> tokens;
    std::string token;
    bool quoted = false;
    for (const char c : line + " ") {
        if (c == '"' || c == '{' || c == '}') {
            quoted = c == '{' || (c == '"' && !quoted);
        }
        if (c == ' ' && !quoted) {
            if (!token.empty()) {
                tokens.push_back(token);
            }
            token.clear();
        } else {
            token += c;
        }
    }
    return tokens;
}

HRESULT result_of(const std::string& token) {
    for (const auto& known : k_results) {
        if (token == known.name) {
            return known.value;
        }
    }
    return static_cast<HRESULT>(std::stoul(token, nullptr, 16));
}

std::string text_of(BSTR text) {
    std::string out;
    for (UINT i = 0; i < SysStringLen(text); ++i) {
        out += static_cast<char>(text[i]);
    }
    return out;
}

std::string bytes_in(IByteBuffer* buffer) {
    return buffer == nullptr ? "null" : "#" + rest_of(buffer);
}

/// A result as the fixtures write it.
std::string shown(const VARIANT& value) {
    if (value.vt == VT_EMPTY || value.vt == VT_NULL) {
        return "null";
    }
    if (value.vt == VT_BSTR) {
        return '"' + text_of(value.bstrVal) + '"';
    }
    if (value.vt == VT_UNKNOWN || value.vt == VT_DISPATCH) {
        if (value.punkVal == nullptr) {
            return "null";
        }
        Ref<ISCardCmd> command;
        if (SUCCEEDED(
                value.punkVal->QueryInterface(IID_ISCardCmd, reinterpret_cast<void**>(command.out())))) {
            Ref<IByteBuffer> apdu;
            BOOST_REQUIRE_EQUAL(command->get_Apdu(apdu.out()), S_OK);
            return bytes_in(apdu.get());
        }
        Ref<IByteBuffer> buffer;
        if (SUCCEEDED(
                value.punkVal->QueryInterface(IID_IByteBuffer, reinterpret_cast<void**>(buffer.out())))) {
            return bytes_in(buffer.get());
        }
        return "object";
    }
    if (value.vt == (VT_ARRAY | VT_UI1)) {
        return "#" + to_hex(ByteView(static_cast<BYTE*>(value.parray->pvData),
                                     value.parray->rgsabound[0].cElements));
    }
    if (value.vt == (VT_ARRAY | VT_BSTR)) {
        std::string out = "{";
        for (ULONG i = 0; i < value.parray->rgsabound[0].cElements; ++i) {
            out += (i == 0 ? "" : "|") + text_of(static_cast<BSTR*>(value.parray->pvData)[i]);
        }
        return out + "}";
    }
    switch (value.vt) {
    case VT_UI1:
        return std::to_string(value.bVal);
    case VT_UI2:
        return std::to_string(value.uiVal);
    case VT_I4:
        return std::to_string(value.lVal);
    case VT_UI4:
        return std::to_string(value.ulVal);
    default:
        return std::to_string(value.ullVal);
    }
}

class Runner {
  public:
    explicit Runner(const std::map<std::string, IDispatch*>& objects) {
        for (const auto& [name, object] : objects) {
            object->AddRef();
            keep(name, object);
        }
        fake::World::get().card = [this](ByteView command) { return answer(command); };
    }
    Runner(const Runner&) = delete;
    Runner& operator=(const Runner&) = delete;
    ~Runner() {
        fake::World::get().card = [](ByteView) { return Bytes{0x90, 0x00}; };
    }

    void run(const std::vector<std::string>& tokens) {
        if (tokens[0] == "new") {
            for (const auto& known : k_classes) {
                if (tokens.at(2) == known.name) {
                    keep(tokens.at(1), create<IDispatch>(*known.clsid, IID_IDispatch));
                    return;
                }
            }
            throw std::runtime_error("no such class");
        }
        if (tokens[0] == "card") { // card COMMAND -> REPLY
            dialogue_.emplace_back(to_hex(bytes_of(tokens.at(1))), bytes_of(tokens.at(3)));
        } else if (tokens[0] == "let") { // let NAME INTERFACE OBJECT.METHOD ARGUMENT...
            Value made;
            BOOST_REQUIRE_EQUAL(call(tokens.at(3), {tokens.begin() + 4, tokens.end()}, false, made), S_OK);
            values_[tokens.at(1)] = std::make_unique<Value>(made);
        } else {
            check(tokens);
        }
    }

  private:
    void check(const std::vector<std::string>& tokens) {
        const auto equals = std::find(tokens.begin(), tokens.end(), "=");
        BOOST_REQUIRE(equals != tokens.end() && tokens.end() - equals >= 2);
        std::vector<std::string> arguments(tokens.begin() + 1, equals);
        const bool put = tokens[0].ends_with(":=");
        Value result;
        const auto name = put ? tokens[0].substr(0, tokens[0].size() - 2) : tokens[0];
        const auto hr = call(name, arguments, put, result);
        BOOST_TEST(hr == result_of(equals[1]), "returned " << std::hex << hr);
        if (tokens.end() - equals > 2) {
            auto expected = equals[2];
            if (expected[0] == '#') {
                expected = "#" + to_hex(bytes_of(expected));
            } else if (expected.starts_with("0x")) {
                expected = std::to_string(std::stoul(expected, nullptr, 16));
            }
            BOOST_TEST(shown(result.variant) == expected);
        }
        BOOST_TEST(dialogue_.empty(), dialogue_.size() << " expected commands were not sent");
        dialogue_.clear();
    }

    void keep(const std::string& name, IDispatch* owned) {
        auto value = std::make_unique<Value>();
        value->variant.vt = VT_DISPATCH;
        value->variant.pdispVal = owned;
        values_[name] = std::move(value);
    }

    HRESULT call(const std::string& dotted, const std::vector<std::string>& arguments, bool put, Value& out) {
        const auto dot = dotted.find('.');
        auto& object = values_.at(dotted.substr(0, dot));
        Ref<IDispatch> dispatch;
        BOOST_REQUIRE_EQUAL(
            object->variant.punkVal->QueryInterface(IID_IDispatch, reinterpret_cast<void**>(dispatch.out())),
            S_OK);
        auto name = wide(dotted.substr(dot + 1));
        LPOLESTR names = name.data();
        DISPID id = 0;
        BOOST_REQUIRE_EQUAL(dispatch->GetIDsOfNames(IID_NULL, &names, 1, 0, &id), S_OK);
        std::vector<Value> values(arguments.size());
        std::vector<VARIANT> raw;
        for (std::size_t i = arguments.size(); i-- > 0;) {
            parse(arguments[i], values[i].variant);
            raw.push_back(values[i].variant);
            VariantInit(&values[i].variant); // `raw` has it now, and may be written to
        }
        DISPID put_id = DISPID_PROPERTYPUT;
        DISPPARAMS parameters{raw.data(), put ? &put_id : nullptr, static_cast<UINT>(raw.size()),
                              put ? 1U : 0U};
        const WORD kind = put ? DISPATCH_PROPERTYPUT : DISPATCH_METHOD | DISPATCH_PROPERTYGET;
        const auto hr = dispatch->Invoke(id, IID_NULL, 0, kind, &parameters, &out.variant, nullptr, nullptr);
        for (auto& variant : raw) {
            VariantClear(&variant);
        }
        return hr;
    }

    void parse(const std::string& token, VARIANT& out) {
        if (token == "-") {
            out.vt = VT_ERROR;
            out.scode = DISP_E_PARAMNOTFOUND;
        } else if (token == "null") {
            out.vt = VT_NULL;
        } else if (token[0] == '#') {
            auto bytes = bytes_of(token);
            auto* const buffer = new_buffer();
            bytes.reserve(1);
            BOOST_REQUIRE_EQUAL(buffer->Initialize(static_cast<LONG>(bytes.size()), bytes.data()), S_OK);
            out.vt = VT_DISPATCH;
            out.pdispVal = buffer;
        } else if (token[0] == '%') { // the same as a SAFEARRAY
            const auto bytes = bytes_of(token);
            out.vt = VT_ARRAY | VT_UI1;
            out.parray = SafeArrayCreateVector(VT_UI1, 0, static_cast<ULONG>(bytes.size()));
            std::copy(bytes.begin(), bytes.end(), static_cast<BYTE*>(out.parray->pvData));
        } else if (token[0] == '"') {
            out.vt = VT_BSTR;
            out.bstrVal = SysAllocString(wide(token.substr(1, token.size() - 2)).c_str());
        } else if (token[0] == '{') {
            std::stringstream parts(token.substr(1, token.size() - 2));
            std::vector<std::string> texts;
            for (std::string text; std::getline(parts, text, '|');) {
                texts.push_back(text);
            }
            out.vt = VT_ARRAY | VT_BSTR;
            out.parray = SafeArrayCreateVector(VT_BSTR, 0, static_cast<ULONG>(texts.size()));
            for (std::size_t i = 0; i < texts.size(); ++i) {
                static_cast<BSTR*>(out.parray->pvData)[i] = SysAllocString(wide(texts[i]).c_str());
            }
        } else if (token[0] == '$') {
            VariantCopy(&out, &values_.at(token.substr(1))->variant);
        } else {
            out.vt = VT_I4;
            out.lVal = std::stol(token, nullptr, 0);
        }
    }

    Bytes answer(ByteView command) {
        if (dialogue_.empty()) {
            BOOST_ERROR("unexpected command " + to_hex(command));
            return {0x6F, 0x00};
        }
        const auto [expected, reply] = dialogue_.front();
        dialogue_.pop_front();
        BOOST_TEST(to_hex(command) == expected);
        return reply;
    }

    std::map<std::string, std::unique_ptr<Value>> values_;
    std::deque<std::pair<std::string, Bytes>> dialogue_;
};

} // namespace

void run_golden(const std::string& file, const std::map<std::string, IDispatch*>& objects) {
    const std::string path = CARDLATCH_FIXTURES "/iscard/" + file;
    std::ifstream in(path);
    BOOST_REQUIRE_MESSAGE(in, "cannot read " << path);
    Runner runner(objects);
    std::string line;
    int count = 0;
    for (int number = 1; std::getline(in, line); ++number) {
        BOOST_TEST_CONTEXT(path << ':' << number << ": " << line) {
            const auto tokens = tokens_of(line.substr(0, line.find(" ;")));
            if (tokens.empty() || tokens[0] == ";") {
                continue;
            }
            runner.run(tokens);
            ++count;
        }
    }
    BOOST_TEST(count > 0);
}
