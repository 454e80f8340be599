// What every page has beside the browser's own: translations, htmx, Swagger UI, the widget's queue.

declare function gettext(text: string): string;
declare function ngettext(one: string, many: string, count: number): string;
declare function interpolate(text: string, values: readonly unknown[]): string;
declare function interpolate(text: string, values: Record<string, unknown>, isNamed: true): string;

/** A call of a site to its widget: a command's name, and what it takes. */
type NextflowCall = [command: string, ...rest: any[]];

interface Nextflow {
  (...call: NextflowCall): unknown;
  /** Calls that wait for the loader. */
  q?: any[];
  loaded?: boolean;
}

declare var nextflow: Nextflow;

interface Window {
  htmx: { ajax(verb: string, address: string, options: object): Promise<void> };
  nextflow: Nextflow;
  SwaggerUIBundle: { (options: object): unknown; presets: { apis: unknown } };
  trustedTypes?: { createPolicy(name: string, rules: object): { createScriptURL(address: string): any } };
}

interface HtmxDetail {
  elt: HTMLElement;
  xhr: XMLHttpRequest;
  headers: Record<string, string>;
  parameters: Record<string, any>;
  successful?: boolean;
  requestConfig: { headers: Record<string, string> };
}

interface DocumentEventMap {
  "allauth.error": CustomEvent<{ error: Error }>;
  "htmx:configRequest": CustomEvent<HtmxDetail>;
  "htmx:beforeRequest": CustomEvent<HtmxDetail>;
  "htmx:afterRequest": CustomEvent<HtmxDetail>;
  "htmx:beforeOnLoad": CustomEvent<HtmxDetail>;
  "htmx:sendError": CustomEvent<HtmxDetail>;
  "htmx:timeout": CustomEvent<HtmxDetail>;
  "htmx:responseError": CustomEvent<HtmxDetail>;
  "nextflow:switched": CustomEvent<string>;
}

interface NotificationOptions {
  renotify?: boolean;
}

// Our own emitters tell with custom events.
interface EventTarget {
  addEventListener(type: string, listener: (event: CustomEvent) => void): void;
}

// Selectors name elements of our own markup, which are all HTML.
interface ParentNode {
  querySelector<K extends keyof HTMLElementTagNameMap>(selector: K): HTMLElementTagNameMap[K] | null;
  querySelector<E extends Element = HTMLElement>(selector: string): E | null;
  querySelectorAll<K extends keyof HTMLElementTagNameMap>(selector: K): NodeListOf<HTMLElementTagNameMap[K]>;
  querySelectorAll<E extends Element = HTMLElement>(selector: string): NodeListOf<E>;
}

interface Element {
  closest<E extends Element = HTMLElement>(selector: string): E | null;
}
