import type { Route } from "../core/entry.ts";
import type { ComponentSpec } from "../core/playbook.ts";
import type { Place } from "../core/rollout.ts";

/** The address of a component in one of its places; a component that has only one place is always there. */
export function addressIn(component: ComponentSpec, place: Place): string {
  return place === "beside" ? (component.beside ?? component.at) : component.at;
}

/** Where the components of what serves everybody are. */
export function servingPlace(route: Route | undefined): Place {
  return route?.swapped ? "beside" : "at";
}

/** Where the next candidate goes. */
export function freePlace(route: Route | undefined): Place {
  return route?.swapped ? "at" : "beside";
}
