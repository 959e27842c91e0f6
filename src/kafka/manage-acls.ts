import { AclOperations, AclPermissionTypes, ResourcePatternTypes, ResourceTypes } from '@platformatic/kafka';
import type { Acl, Admin } from '@platformatic/kafka';
import type { AclRule, ClusterAdmin } from '../ports.ts';
import { translateKafkaError } from './translate-error.ts';

type AclAdmin = Pick<ClusterAdmin, 'describeAcls' | 'createAcls' | 'deleteAcls'>;

const RESOURCES = {
  topic: ResourceTypes.TOPIC,
  group: ResourceTypes.GROUP,
  cluster: ResourceTypes.CLUSTER,
  'transactional id': ResourceTypes.TRANSACTIONAL_ID,
  'delegation token': ResourceTypes.DELEGATION_TOKEN,
  user: ResourceTypes.USER,
  unknown: ResourceTypes.UNKNOWN,
} as const;
const PATTERNS = {
  literal: ResourcePatternTypes.LITERAL,
  prefixed: ResourcePatternTypes.PREFIXED,
  unknown: ResourcePatternTypes.UNKNOWN,
} as const;
const PERMISSIONS = {
  allow: AclPermissionTypes.ALLOW,
  deny: AclPermissionTypes.DENY,
  unknown: AclPermissionTypes.UNKNOWN,
} as const;
/** `Describe` ↔ 8, as Kafka's own tools write the names (`DescribeConfigs`). */
const OPERATIONS = Object.fromEntries(
  Object.entries(AclOperations).map(([label, value]) => [toKafkaName(label), value]),
);

export function manageAcls(admin: Admin): AclAdmin {
  return {
    async describeAcls() {
      try {
        const filter = {
          resourceType: ResourceTypes.ANY,
          resourceName: null,
          resourcePatternType: ResourcePatternTypes.ANY,
          principal: null,
          host: null,
          operation: AclOperations.ANY,
          permissionType: AclPermissionTypes.ANY,
        };
        const resources = await admin.describeAcls({ filter });
        return resources.flatMap(({ acls, ...target }) =>
          acls.map((acl) => fromKafka({ ...target, ...acl })),
        );
      } catch (error) {
        throw translateKafkaError(error, 'describing ACLs');
      }
    },
    async createAcls(acls) {
      try {
        if (acls.length > 0) await admin.createAcls({ creations: acls.map(toKafka) });
      } catch (error) {
        throw translateKafkaError(error, 'creating ACLs');
      }
    },
    async deleteAcls(acls) {
      try {
        if (acls.length > 0) await admin.deleteAcls({ filters: acls.map(toKafka) });
      } catch (error) {
        throw translateKafkaError(error, 'deleting ACLs');
      }
    },
  };
}

function toKafka({ principal, resource, name, pattern, operation, permission, host }: AclRule): Acl {
  return {
    principal,
    host,
    resourceType: RESOURCES[resource],
    resourceName: name,
    resourcePatternType: PATTERNS[pattern],
    operation: OPERATIONS[operation]!,
    permissionType: PERMISSIONS[permission],
  };
}

function fromKafka(acl: Acl): AclRule {
  return {
    principal: acl.principal,
    host: acl.host,
    resource: nameOf(RESOURCES, acl.resourceType),
    name: acl.resourceName,
    pattern: nameOf(PATTERNS, acl.resourcePatternType),
    operation: nameOf(OPERATIONS, acl.operation) ?? 'Unknown',
    permission: nameOf(PERMISSIONS, acl.permissionType),
  };
}

/** A value that a newer Kafka has and this table has not is `unknown`. */
function nameOf<Name extends string>(table: Readonly<Record<Name, number>>, value: number): Name {
  const found = (Object.keys(table) as Name[]).find((name) => table[name] === value);
  return found ?? ('unknown' as Name);
}

/** `DESCRIBE_CONFIGS` → `DescribeConfigs` */
function toKafkaName(label: string): string {
  return label.toLowerCase().replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
