// Who this tab is. The tokens live in sessionStorage, so that they outlive a reload,
// and so that a rider and a driver can be in two tabs of one browser.

// recall returns what this tab has kept over a reload, or null.
export const recall = (key) => {
  try { return JSON.parse(sessionStorage.getItem(key)); } catch { return null; /* no storage, or nothing of ours in it */ }
};

export const keep = (key, value) => {
  try { sessionStorage.setItem(key, JSON.stringify(value)); } catch { /* then a reload does not find it */ }
};

// forget leaves nothing in the tab: the next one in it may be somebody else.
const forget = () => {
  tokens = null;
  try { sessionStorage.clear(); } catch { /* then there was nothing */ }
};

const claims = (token) => {
  const bytes = Uint8Array.from(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
};

const key = "taxi.auth";
let tokens = recall(key);
try { claims(tokens.access); } catch { tokens = null; /* none, or none that this page has kept */ }

const renew = (next) => {
  tokens = { ...tokens, ...next };
  keep(key, tokens);
};

// Refused is an answer that says no, with the server's words for it.
export class Refused extends Error {
  constructor(status, problem) {
    super(problem?.message ?? "The server did not answer as it should.");
    this.status = status;
    this.fields = problem?.fields ?? {};
  }

  // What is wrong with several fields may be the same.
  get words() { return [...new Set(Object.values(this.fields))].join(" ") || this.message; }
}

const call = async (method, path, body, token) => {
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body && !(body instanceof FormData)) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(body);
  }
  const answer = await fetch(path, { method, headers, body });
  const value = await answer.json().catch(() => null);
  if (!answer.ok) throw new Refused(answer.status, value?.error);
  return value;
};

export const me = () => tokens && claims(tokens.access);

export const logIn = async (username, password) => {
  const next = await call("POST", "/api/log_in/", { username, password });
  forget();
  renew(next);
  return me();
};

export const signUp = (form) => call("POST", "/api/sign_up/", form);

export const demo = () => call("GET", "/api/demo/");

// leave goes back to the door, and says why there. To whoever logs out, the end of his
// session is no news.
let leaving = false;
export const leave = (why = "") => {
  forget();
  location.replace(why && !leaving ? `/#${why}` : "/");
};

export const logOut = async () => {
  leaving = true;
  try { await call("POST", "/api/log_out/", {}, await access()); } catch { /* the tokens are forgotten all the same */ }
  leave();
};

// access returns a token that is good for a while. If the session is over, the page
// is left; if the server is away, it fails.
let renewing = null;
export const access = (fresh = false) => {
  if (!tokens) { leave("ended"); return Promise.reject(new Error("logged out")); }
  if (!fresh && claims(tokens.access).exp * 1000 > Date.now() + 10000) return Promise.resolve(tokens.access);
  renewing ??= call("POST", "/api/token/refresh/", { refresh: tokens.refresh })
    .then((next) => { renew(next); return tokens.access; })
    .catch((err) => { if (err.status === 401) leave("ended"); throw err; })
    .finally(() => { renewing = null; });
  return renewing;
};

// get fetches something that is for this user alone.
export const get = async (path) => {
  try {
    return await call("GET", path, undefined, await access());
  } catch (err) {
    if (err.status !== 401) throw err;
    return call("GET", path, undefined, await access(true));
  }
};
