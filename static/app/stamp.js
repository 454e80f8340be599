// Which organization and person the page was made for: named in every request that it sends.
const said = document.querySelector('meta[name="nextflow-stamp"]')?.dataset ?? {};

/** Return the headers that every request of this page carries. */
export function stampHeaders() {
  return {
    ...(said.organization ? { "X-Organization": said.organization } : {}),
    ...(said.person ? { "X-Person": said.person } : {}),
  };
}
