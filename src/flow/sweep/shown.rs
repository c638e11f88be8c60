//! Parameters as JSON, which has no word for what is no finite number.

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};
use serde_json::value::Serializer as Json;
use serde_json::{Error, Map, Value};

/// How a float that is not finite is written: as trackers write it.
const NOT_FINITE: [(&str, f64); 3] = [
    ("Infinity", f64::INFINITY),
    ("-Infinity", f64::NEG_INFINITY),
    ("NaN", f64::NAN),
];

/// A parameter, or the fields of a struct of them: a float that is not finite becomes a text, where
/// plain JSON would make it null.
pub(super) fn shown<V: Serialize + ?Sized>(value: &V) -> Result<Value, String> {
    value.serialize(Shown).map_err(|error| error.to_string())
}

/// The float that a text stands for.
pub(super) fn not_finite(value: &Value) -> Option<f64> {
    let text = value.as_str()?;
    let found = NOT_FINITE.iter().find(|(name, _)| *name == text);
    found.map(|(_, float)| *float)
}

/// As `serde_json` does it, but for floats, alone or in the fields of a struct.
struct Shown;

/// The fields so far.
struct Fields(Map<String, Value>);

impl SerializeStruct for Fields {
    type Ok = Value;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.0.insert(key.to_owned(), value.serialize(Shown)?);
        Ok(())
    }

    fn end(self) -> Result<Value, Error> {
        Ok(Value::Object(self.0))
    }
}

/// Hands values on to `serde_json` as they are.
macro_rules! as_json {
    ($($name:ident: $of:ty),*) => {
        $(fn $name(self, value: $of) -> Result<Value, Error> {
            Json.$name(value)
        })*
    };
}

impl Serializer for Shown {
    type Ok = Value;
    type Error = Error;
    type SerializeSeq = <Json as Serializer>::SerializeSeq;
    type SerializeTuple = <Json as Serializer>::SerializeTuple;
    type SerializeTupleStruct = <Json as Serializer>::SerializeTupleStruct;
    type SerializeTupleVariant = <Json as Serializer>::SerializeTupleVariant;
    type SerializeMap = <Json as Serializer>::SerializeMap;
    type SerializeStruct = Fields;
    type SerializeStructVariant = <Json as Serializer>::SerializeStructVariant;

    as_json! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32,
        serialize_i64: i64, serialize_i128: i128, serialize_u8: u8, serialize_u16: u16,
        serialize_u32: u32, serialize_u64: u64, serialize_u128: u128, serialize_char: char,
        serialize_str: &str, serialize_bytes: &[u8]
    }

    fn serialize_f32(self, value: f32) -> Result<Value, Error> {
        if value.is_finite() {
            return Json.serialize_f32(value);
        }
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<Value, Error> {
        if value.is_finite() {
            return Json.serialize_f64(value);
        }
        let same = |float: f64| float == value || (float.is_nan() && value.is_nan());
        let name = NOT_FINITE.iter().find(|(_, float)| same(*float));
        Ok(name.map_or(Value::Null, |(name, _)| Value::from(*name)))
    }

    fn serialize_none(self) -> Result<Value, Error> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, Error> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<Value, Error> {
        Json.serialize_unit_struct(name)
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<Value, Error> {
        Json.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Value, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, Error> {
        let value = value.serialize(Self)?;
        Json.serialize_newtype_variant(name, index, variant, &value)
    }

    fn serialize_seq(self, count: Option<usize>) -> Result<Self::SerializeSeq, Error> {
        Json.serialize_seq(count)
    }

    fn serialize_tuple(self, count: usize) -> Result<Self::SerializeTuple, Error> {
        Json.serialize_tuple(count)
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        count: usize,
    ) -> Result<Self::SerializeTupleStruct, Error> {
        Json.serialize_tuple_struct(name, count)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        count: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        Json.serialize_tuple_variant(name, index, variant, count)
    }

    fn serialize_map(self, count: Option<usize>) -> Result<Self::SerializeMap, Error> {
        Json.serialize_map(count)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields, Error> {
        Ok(Fields(Map::new()))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        count: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        Json.serialize_struct_variant(name, index, variant, count)
    }
}
