//! Signing in at an emulated identity provider.

use super::{super::PeopleConfig, super::tests::ask, *};
use crate::domain::time::Timestamp;
use crate::{
    hq::{HqConfig, Place, tests::story::START},
    store::{Options, Threads},
    world::{Clock, RouterHttp, RuntimeClock},
};
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256},
};
use axum::{Json, Router, routing};
use serde_json::{Value, json};
use std::sync::Mutex;

const ISSUER: &str = "https://id.test";

enum Signer {
    Ec(EcdsaKeyPair),
    Rsa(Box<RsaKeyPair>),
}

impl Signer {
    fn sign(&self, claims: &Value) -> String {
        let alg = match self {
            Self::Ec(_) => "ES256",
            Self::Rsa(_) => "RS256",
        };
        let part = |v: &Value| BASE64_URL.encode(v.to_string());
        let signed = format!(
            "{}.{}",
            part(&json!({"alg": alg, "kid": "k1"})),
            part(claims)
        );
        let random = SystemRandom::new();
        let signature = match self {
            Self::Ec(key) => key
                .sign(&random, signed.as_bytes())
                .unwrap()
                .as_ref()
                .to_vec(),
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(
                    &RSA_PKCS1_SHA256,
                    &random,
                    signed.as_bytes(),
                    &mut signature,
                )
                .unwrap();
                signature
            }
        };
        format!("{signed}.{}", BASE64_URL.encode(signature))
    }

    fn jwk(&self) -> Value {
        match self {
            Self::Ec(key) => {
                let point = key.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "kid": "k1", "use": "sig", "x": BASE64_URL.encode(&point[1..33]), "y": BASE64_URL.encode(&point[33..])})
            }
            Self::Rsa(key) => {
                // SEQUENCE { INTEGER n, INTEGER e } in DER.
                let der = key.public_key().as_ref();
                let integer = |at: usize| {
                    assert_eq!(der[at], 2);
                    let (long, length) = match der[at + 1] {
                        0x82 => (4, usize::from(der[at + 2]) << 8 | usize::from(der[at + 3])),
                        short => (2, usize::from(short)),
                    };
                    (at + long, at + long + length)
                };
                let (n_from, n_to) = integer(4);
                let (e_from, e_to) = integer(n_to);
                let n = der[n_from..n_to]
                    .strip_prefix(&[0])
                    .unwrap_or(&der[n_from..n_to]);
                json!({"kty": "RSA", "kid": "k1", "n": BASE64_URL.encode(n), "e": BASE64_URL.encode(&der[e_from..e_to])})
            }
        }
    }
}

struct Provider {
    signer: Signer,
    /// What it says of whoever comes; the nonce is put in.
    claims: Mutex<Value>,
    asked: Mutex<BTreeMap<String, String>>,
}

impl Provider {
    fn router(self: &Arc<Self>) -> Router {
        let (keys, tokens) = (self.clone(), self.clone());
        Router::new()
            .route(
                "/.well-known/openid-configuration",
                routing::get(|| async {
                    Json(json!({"issuer": ISSUER, "authorization_endpoint": format!("{ISSUER}/authorize"), "token_endpoint": format!("{ISSUER}/token"), "jwks_uri": format!("{ISSUER}/keys")}))
                }),
            )
            .route("/keys", routing::get(|| async move { Json(json!({"keys": [keys.signer.jwk()]})) }))
            .route(
                "/token",
                routing::post(|headers: HeaderMap, body: Bytes| async move {
                    let form = form_urlencoded::parse(&body).into_owned().collect();
                    tokens.token(&headers, &form)
                }),
            )
    }

    fn token(
        &self,
        headers: &HeaderMap,
        form: &BTreeMap<String, String>,
    ) -> (StatusCode, Json<Value>) {
        let asked = self.asked.lock().unwrap();
        let challenge = BASE64_URL.encode(Sha256::digest(form["code_verifier"].as_bytes()));
        let right = form["code"] == "the code"
            && form["grant_type"] == "authorization_code"
            && form["redirect_uri"] == asked["redirect_uri"]
            && challenge == asked["code_challenge"]
            && headers[header::AUTHORIZATION]
                == format!("Basic {}", BASE64.encode("galley:s%2Fecret"));
        if !right {
            return (
                StatusCode::BAD_REQUEST,
                Json(json!({"error": "invalid_grant"})),
            );
        }
        let claims = self.claims.lock().unwrap().clone();
        (
            StatusCode::OK,
            Json(json!({"id_token": self.signer.sign(&claims)})),
        )
    }
}

struct Door {
    hq: Hq,
    provider: Arc<Provider>,
    _dir: tempfile::TempDir,
}

fn claims() -> Value {
    json!({"iss": ISSUER, "sub": "42", "aud": "galley", "exp": START / 1000 + 300, "iat": START / 1000, "name": "Анна П.", "preferred_username": "Anna", "groups": ["everybody", "shift-leads"]})
}

impl Door {
    async fn open(signer: Signer) -> Self {
        let provider = Arc::new(Provider {
            signer,
            claims: Mutex::new(claims()),
            asked: Mutex::new(BTreeMap::new()),
        });
        let http = RouterHttp::new();
        http.set_route("id.test", provider.router());
        let dir = tempfile::tempdir().unwrap();
        let people = PeopleConfig {
            oidc: Some(OidcConfig {
                label: "Company".to_owned(),
                issuer: ISSUER.to_owned(),
                client_id: "galley".to_owned(),
                client_secret: Some(Secret::new("s/ecret")),
                public_url: "https://hq.test/".to_owned(),
                roles_claim: "groups".to_owned(),
                roles: BTreeMap::from([("shift-leads".to_owned(), Role::Operator)]),
                default_role: None,
                http: Arc::new(http),
            }),
            ..PeopleConfig::default()
        };
        let place = Place::Sqlite(Options {
            threads: Threads::Inline,
            ..Options::at(dir.path().join("hq.db"))
        });
        let clock: Arc<dyn Clock> =
            Arc::new(RuntimeClock::starting_at(Timestamp::from_millis(START)));
        let hq = Hq::open(
            HqConfig {
                people,
                ..HqConfig::on(place)
            },
            clock,
        )
        .await
        .unwrap();
        Self {
            hq,
            provider,
            _dir: dir,
        }
    }

    /// Goes to the provider and back; `bend` changes what comes back. The page that is come to, and the session.
    async fn come(&self, bend: impl FnOnce(&mut Value, &mut String)) -> (String, Option<String>) {
        let (status, headers, _) = ask(&self.hq, "GET", "/auth/begin", None, &[]).await;
        assert_eq!(status, 303);
        let to = headers[header::LOCATION].to_str().unwrap().to_owned();
        let (at, query) = to.split_once('?').unwrap();
        assert_eq!(at, format!("{ISSUER}/authorize"));
        let asked: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        assert_eq!(
            (
                asked["redirect_uri"].as_str(),
                asked["code_challenge_method"].as_str()
            ),
            ("https://hq.test/auth/back", "S256")
        );
        let cookie = headers[header::SET_COOKIE].to_str().unwrap();
        assert!(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
            "{cookie}"
        );
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let mut said = claims();
        said["nonce"] = json!(asked["nonce"]);
        let mut state = asked["state"].clone();
        bend(&mut said, &mut state);
        *self.provider.claims.lock().unwrap() = said;
        *self.provider.asked.lock().unwrap() = asked;
        let path = format!("/auth/back?code=the+code&state={state}");
        let (_, headers, text) = ask(&self.hq, "GET", &path, None, &[("cookie", &cookie)]).await;
        let page = text
            .split("url=")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned();
        let session = headers
            .get_all(header::SET_COOKIE)
            .iter()
            .map(|v| v.to_str().unwrap().split(';').next().unwrap().to_owned())
            .find(|c| c.starts_with("galley_hq="));
        (page, session)
    }

    async fn me(&self, session: &str) -> Value {
        let (_, _, text) = ask(&self.hq, "GET", "/api/v1/me", None, &[("cookie", session)]).await;
        serde_json::from_str(&text).unwrap()
    }
}

fn ec() -> Signer {
    Signer::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
}

#[tokio::test]
async fn somebody_comes_in_by_the_provider_with_the_role_of_their_group() {
    for signer in [
        ec(),
        Signer::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())),
    ] {
        let door = Door::open(signer).await;
        let (page, session) = door.come(|_, _| {}).await;
        assert_eq!(page, "/");
        let me = door.me(&session.unwrap()).await;
        assert_eq!(
            (&me["name"], &me["role"], &me["full_name"]),
            (&json!("anna"), &json!("operator"), &json!("Анна П."))
        );
        // The second time it is the same person, and out of the group is out.
        let (_, session) = door.come(|_, _| {}).await;
        assert_eq!(door.me(&session.unwrap()).await["name"], "anna");
        let (page, session) = door
            .come(|said, _| said["groups"] = json!(["everybody"]))
            .await;
        assert_eq!((page.as_str(), session), ("/?refused=unknown", None));
    }
}

#[tokio::test]
async fn what_the_provider_did_not_say_to_us_now_opens_nothing() {
    let door = Door::open(ec()).await;
    let other = ec();
    type Bend<'a> = Box<dyn FnOnce(&mut Value, &mut String) + 'a>;
    let bends: Vec<(&str, Bend<'_>)> = vec![
        ("stale", Box::new(|_, state| state.push('0'))),
        (
            "provider",
            Box::new(|said, _| said["nonce"] = json!("another")),
        ),
        (
            "provider",
            Box::new(|said, _| said["aud"] = json!("another")),
        ),
        (
            "provider",
            Box::new(|said, _| said["aud"] = json!(["galley", "another"])),
        ),
        (
            "provider",
            Box::new(|said, _| said["iss"] = json!("https://evil.test")),
        ),
        (
            "provider",
            Box::new(|said, _| said["exp"] = json!(START / 1000 - 61)),
        ),
        (
            "provider",
            Box::new(|said, _| said["iat"] = json!(START / 1000 + 61)),
        ),
    ];
    for (n, (slug, bend)) in bends.into_iter().enumerate() {
        let (page, session) = door.come(bend).await;
        assert_eq!((page, session), (format!("/?refused={slug}"), None), "{n}");
    }
    // Signed by somebody else, or by nobody.
    let keys: token::Keys =
        serde_json::from_value(json!({"keys": [door.provider.signer.jwk()]})).unwrap();
    let now = Timestamp::from_millis(START);
    let mut said = claims();
    said["nonce"] = json!("n");
    let right = door.provider.signer.sign(&said);
    assert!(token::verify(&right, &keys, ISSUER, "galley", "n", now).is_ok());
    assert!(token::verify(&other.sign(&said), &keys, ISSUER, "galley", "n", now).is_err());
    let (_, rest) = right.split_once('.').unwrap();
    for alg in ["none", "HS256", "RS256"] {
        let head = BASE64_URL.encode(json!({"alg": alg, "kid": "k1"}).to_string());
        assert!(
            token::verify(&format!("{head}.{rest}"), &keys, ISSUER, "galley", "n", now).is_err(),
            "{alg}"
        );
    }
}
