// The metadata services of cloud providers, which serve credentials and other data of a machine to any program on it.
// They are never a webhook's target, even if they are listed as allowed. One row for each service, with the provider's
// own page as its source; providers that share an address share a row.

export interface MetadataService {
  readonly provider: string;
  readonly source: string;
  /** CIDRs. */
  readonly addresses: readonly string[];
  /** Host names that lead to it, in lower case. */
  readonly names?: readonly string[];
}

export const metadataServices: readonly MetadataService[] = [
  {
    provider: 'Amazon EC2',
    source: 'https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html',
    // The whole prefix belongs to services of the instance (IMDS ::254, time ::123, DNS ::253).
    addresses: ['169.254.169.254/32', 'fd00:ec2::/32'],
    names: ['instance-data', 'instance-data.ec2.internal'],
  },
  {
    provider: 'Amazon ECS',
    source: 'https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html',
    addresses: ['169.254.170.2/32'],
  },
  {
    provider: 'Amazon EKS Pod Identity',
    source: 'https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html',
    addresses: ['169.254.170.23/32', 'fd00:ec2::23/128'],
  },
  {
    provider: 'Google Cloud',
    source: 'https://cloud.google.com/compute/docs/metadata/querying-metadata',
    addresses: ['169.254.169.254/32', 'fd20:ce::254/128'],
    names: ['metadata', 'metadata.google.internal', 'metadata.goog'],
  },
  {
    provider: 'Azure instance metadata',
    source: 'https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service',
    addresses: ['169.254.169.254/32'],
    names: ['metadata.azure.internal'],
  },
  {
    provider: 'Azure WireServer',
    source: 'https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16',
    addresses: ['168.63.129.16/32'],
  },
  {
    provider: 'Alibaba Cloud ECS',
    source: 'https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata/',
    addresses: ['100.100.100.200/32', 'fd00:100::100:200/128'],
  },
  {
    provider: 'Oracle Cloud Infrastructure',
    source: 'https://docs.oracle.com/iaas/Content/Compute/Tasks/gettingmetadata.htm',
    addresses: ['169.254.169.254/32', 'fd00:c1::a9fe:a9fe/128'],
  },
  {
    provider: 'Oracle Cloud Classic',
    source:
      'https://docs.oracle.com/en/cloud/iaas/compute-iaas-cloud/stcsg/retrieving-instance-metadata.html',
    addresses: ['192.0.0.192/32'],
  },
  {
    provider: 'IBM Cloud VPC',
    source: 'https://cloud.ibm.com/docs/vpc?topic=vpc-imd-about',
    addresses: ['169.254.169.254/32'],
    names: ['api.metadata.cloud.ibm.com'],
  },
  {
    provider: 'OpenStack (also OVHcloud, Huawei Cloud and others)',
    source: 'https://docs.openstack.org/neutron/latest/admin/config-metadata.html',
    addresses: ['169.254.169.254/32', 'fe80::a9fe:a9fe/128'],
  },
  {
    provider: 'Scaleway',
    source: 'https://www.scaleway.com/en/docs/instances/how-to/use-cloud-init/',
    addresses: ['169.254.42.42/32', 'fd00:42::42/128'],
  },
  {
    provider: 'Tencent Cloud CVM',
    source: 'https://www.tencentcloud.com/document/product/213/4934',
    addresses: ['169.254.0.23/32'],
    names: ['metadata.tencentyun.com'],
  },
  {
    provider: 'Akamai (Linode)',
    source: 'https://docs.cloud-init.io/en/latest/reference/datasources/akamai.html',
    addresses: ['169.254.169.254/32', 'fd00:a9fe:a9fe::1/128'],
  },
  {
    provider: 'DigitalOcean',
    source: 'https://docs.digitalocean.com/reference/api/metadata/',
    addresses: ['169.254.169.254/32'],
  },
  {
    provider: 'Hetzner, Vultr, Exoscale, UpCloud',
    source: 'https://docs.cloud-init.io/en/latest/reference/datasources.html',
    addresses: ['169.254.169.254/32'],
  },
];

const metadataNames: ReadonlySet<string> = new Set(metadataServices.flatMap(({ names = [] }) => names));

/** True if the name belongs to a metadata service. `name`: in lower case, without the dot of the root. */
export function isMetadataName(name: string): boolean {
  return metadataNames.has(name);
}
